package engine

// MemoryAvailable is how much memory this host could give out now, in bytes;
// 0 if it does not say.
func MemoryAvailable() int64 { return memoryAvailable() }
