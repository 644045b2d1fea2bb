import FuzzDriver

fuzz(fuzzWalkers)
