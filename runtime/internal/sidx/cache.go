package sidx

import "sync"

// Cache keeps pages of runs, those used last, within a budget. It is made by
// [NewCache] and is safe for concurrent use.
//
// A page that is pushed out stays valid for who holds it: nobody writes to it
// again, and the garbage collector takes it back.
type Cache struct{ shards [cacheShards]cacheShard }

const cacheShards = 16

// NewCache returns a cache of about so many bytes, 16 pages at least.
func NewCache(bytes int64) *Cache {
	c := new(Cache)
	for i := range c.shards {
		c.shards[i].room = int(max(1, bytes/pageSize/cacheShards))
		c.shards[i].slots = map[pageKey]int{}
	}
	return c
}

// pageKey names a page of a run: the number of the segment, which a record's place has
// 32 bits for, the lowest bits of the round, and the number of the page, of which there
// are less than 1<<21. A cache serves one run of what a segment begins with, at most,
// beside that of its footer, and two rounds that follow each other.
type pageKey uint64

func keyOf(segment uint64, round, page uint32) pageKey {
	return pageKey(segment<<32 | uint64(round%1024)<<21 | uint64(page))
}

// prefixPage is added to the number of a page of a run of what a segment begins with.
const prefixPage = 1 << 31

func (k pageKey) segment() uint64 { return uint64(k) >> 32 }

// cacheShard is a part of a cache, with the pages in a ring. A hand goes round and
// pushes out the first page that was not used since it last came by (the CLOCK
// algorithm of Corbató, 1968).
type cacheShard struct {
	mu    sync.Mutex // guards all below
	room  int        // pages
	slots map[pageKey]int
	ring  []cachedPage
	hand  int
}

type cachedPage struct {
	key  pageKey
	page []byte
	used bool
}

func (c *Cache) shard(k pageKey) *cacheShard {
	return &c.shards[(uint32(k.segment())*31+uint32(k))%cacheShards]
}

// get returns a page, or nil.
func (c *Cache) get(k pageKey) []byte {
	s := c.shard(k)
	s.mu.Lock()
	defer s.mu.Unlock()
	i, ok := s.slots[k]
	if !ok {
		return nil
	}
	p := &s.ring[i]
	p.used = true
	return p.page
}

// put takes in a page.
func (c *Cache) put(k pageKey, page []byte) {
	s := c.shard(k)
	s.mu.Lock()
	defer s.mu.Unlock()
	if i, ok := s.slots[k]; ok {
		s.ring[i].page = page
		return
	}
	if len(s.ring) < s.room {
		s.slots[k] = len(s.ring)
		s.ring = append(s.ring, cachedPage{key: k, page: page})
		return
	}
	for s.ring[s.hand].used {
		s.ring[s.hand].used = false
		s.hand = (s.hand + 1) % len(s.ring)
	}
	delete(s.slots, s.ring[s.hand].key)
	s.slots[k] = s.hand
	s.ring[s.hand] = cachedPage{key: k, page: page}
	s.hand = (s.hand + 1) % len(s.ring)
}

// drop forgets the pages of a segment.
func (c *Cache) drop(segment uint64) {
	for i := range c.shards {
		c.shards[i].drop(segment)
	}
}

func (s *cacheShard) drop(segment uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := s.ring[:0]
	for _, p := range s.ring {
		if p.key.segment() != segment {
			kept = append(kept, p)
		}
	}
	clear(s.ring[len(kept):])
	s.ring, s.hand = kept, 0
	clear(s.slots)
	for i, p := range s.ring {
		s.slots[p.key] = i
	}
}
