import FuzzDriver

fuzz(fuzzWebSocket)
