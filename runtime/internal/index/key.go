package index

import "hash/maphash"

// ByKey finds the events that may have this idempotency key, nearly always one
// or none; the caller compares the key.
func (x *Index) ByKey(key []byte) []Ref {
	x.mu.RLock()
	defer x.mu.RUnlock()
	var refs []Ref
	x.keys.Find(x.fingerprint(key), func(ordinal uint32) {
		refs = append(refs, x.refLocked(ordinal))
	})
	return refs
}

// FirstKey is the first of n idempotency keys that an event may have, or n. Many are looked
// for in little more than the time that it takes to wait for one.
func (x *Index) FirstKey(n int, key func(i int) string) int {
	var together [64]uint32
	for from := 0; from < n; from += len(together) {
		some := together[:min(len(together), n-from)]
		for i := range some {
			some[i] = uint32(maphash.String(x.seed, key(from+i)))
		}
		x.mu.RLock()
		i := x.keys.First(some)
		x.mu.RUnlock()
		if i >= 0 {
			return from + i
		}
	}
	return n
}

func (x *Index) fingerprint(key []byte) uint32 { return uint32(x.hash(key)) }
