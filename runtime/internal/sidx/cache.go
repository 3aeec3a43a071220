package sidx

import (
	"math/bits"
	"sync"
	"sync/atomic"

	"github.com/batpak-go/batpak/runtime/internal/planted"
)

// Cache keeps pages of runs, those used last, within a budget. It is made by
// [NewCache] and is safe for concurrent use.
//
// A page that is pushed out stays valid for who holds it: nobody writes to it
// again, and the garbage collector takes it back.
type Cache struct {
	sets   uint64
	blocks atomic.Pointer[[]atomic.Pointer[setBlock]] // nil = there is no page; one of them: none of its sets was needed
}

// setBlock is what is made at once of the sets, so that a small store does not pay for the
// room that a large one may take.
type setBlock [8]pageSet

// NewCache returns a cache of about so many bytes, 16 pages at least, and 64 GiB at most: then
// the table of its sets, which is made for the first page, takes 2.3 MB.
func NewCache(bytes int64) *Cache {
	return &Cache{sets: uint64(max(3, min(bytes, 64<<30)/pageSize/ways))}
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

// page is a page of a footer, verified. The last one of a footer may fill only a part.
type page [pageSize]byte

// ways is how many pages a set holds: as many as there is room for in two lines of a
// processor's cache. What a get costs is memory that is far away, and not the
// instructions, so it looks at these lines, at the page, and at nothing else.
const ways = 7

// pageSet holds those of the pages whose keys lead to it that were used last: what is
// pushed out for another is the first one, in turn, that was not used since it last had
// its turn (the CLOCK algorithm of Corbató, 1968).
//
// Whoever gets a page takes no lock. So that no page is taken for the one that was in
// its place before, the version is odd while pages are exchanged, and another one after.
type pageSet struct {
	keys  [ways]atomic.Uint64 // written with mu held
	state atomic.Uint64       // a bit for each page that was used; above them the version

	pages [ways]atomic.Pointer[page] // written with mu held; nil = none, whatever the key
	mu    sync.Mutex
}

// version is what stands above the bits of a state.
const version = 1 << 8

// set is where the set of a page is: a block, and which of its sets.
func (c *Cache) set(k pageKey) (block, at uint64) {
	at, _ = bits.Mul64(uint64(k)*0x9e3779b97f4a7c15, c.sets)
	return at / uint64(len(setBlock{})), at % uint64(len(setBlock{}))
}

// get returns a page, or nil.
func (c *Cache) get(k pageKey) *page {
	blocks := c.blocks.Load()
	if blocks == nil {
		return nil
	}
	block, at := c.set(k)
	b := (*blocks)[block].Load()
	if b == nil {
		return nil
	}
	s := &b[at]
	state := s.state.Load()
	for i := range s.keys {
		if s.keys[i].Load() != uint64(k) {
			continue
		}
		p := s.pages[i].Load()
		now := s.state.Load()
		if state&version != 0 || now/version != state/version {
			return nil // pages are exchanged, or were
		}
		if now&(1<<i) == 0 {
			s.state.Or(1 << i)
		}
		return p
	}
	return nil
}

// put takes in a page.
func (c *Cache) put(k pageKey, p *page) {
	if c.blocks.Load() == nil {
		blocks := make([]atomic.Pointer[setBlock], (c.sets-1)/uint64(len(setBlock{}))+1)
		c.blocks.CompareAndSwap(nil, &blocks) // whoever was first
	}
	block, at := c.set(k)
	b := &(*c.blocks.Load())[block]
	if b.Load() == nil {
		b.CompareAndSwap(nil, new(setBlock)) // here, too
	}
	s := &b.Load()[at]
	s.mu.Lock()
	defer s.mu.Unlock()
	s.exchangeLocked(s.placeLocked(k), k, p)
}

// placeLocked is where a page belongs: where it is already, or nothing is, or what is
// there makes way.
func (s *pageSet) placeLocked(k pageKey) int {
	free := -1
	for i := range s.keys {
		switch {
		case s.pages[i].Load() == nil:
			free = i
		case s.keys[i].Load() == uint64(k):
			return i
		}
	}
	for turn := s.state.Load() / version / 2; free < 0; turn++ {
		if i := int(turn % ways); s.state.And(^uint64(1<<i))&(1<<i) == 0 {
			free = i
		}
	}
	return free
}

func (s *pageSet) exchangeLocked(i int, k pageKey, p *page) {
	s.state.Add(version)
	s.keys[i].Store(uint64(k))
	s.pages[i].Store(p)
	s.state.And(^uint64(1 << i))
	s.state.Add(version)
}

// drop forgets the pages of a segment.
func (c *Cache) drop(segment uint64) {
	blocks := c.blocks.Load()
	for i := 0; blocks != nil && i < len(*blocks); i++ {
		if b := (*blocks)[i].Load(); b != nil {
			for at := range b {
				b[at].drop(segment)
			}
		}
	}
}

func (s *pageSet) drop(segment uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.keys {
		if s.pages[i].Load() != nil && pageKey(s.keys[i].Load()).segment() == segment {
			s.exchangeLocked(i, 0, nil)
		}
	}
}

// Forget frees what the cache holds of the run.
func (r *Run) Forget() { r.cache.drop(r.Segment) }

// page returns a page without its checksum, verified.
func (r *Run) page(number uint32) ([]byte, error) {
	off, length := r.Trailer.page(number)
	if length <= crcSize {
		return nil, r.damage(number, "leads behind the last page")
	}
	key, n := r.key(number), length-crcSize
	if p := r.cache.get(key); p != nil { // known not to be nil, or to slice it would read it, far away
		return p[:n], nil
	}
	into := r.cache
	if r.aside != nil {
		into = r.aside
		if p := into.get(key); p != nil {
			return p[:n], nil
		}
	}
	p := new(page)
	if err := readFull(r.file, p[:length], off); err != nil {
		return nil, err
	}
	if !r.sound(p[:length], number) {
		return nil, r.damage(number, "wrong checksum, or a page of another place")
	}
	into.put(key, p)
	return p[:n], nil
}

// key names a page in the cache.
func (r *Run) key(page uint32) pageKey {
	key := keyOf(r.Segment, r.Round, page)
	if r.Prefix > 0 && !planted.Bug("pages of a prefix are taken for those of its segment") {
		key |= prefixPage
	}
	return key
}
