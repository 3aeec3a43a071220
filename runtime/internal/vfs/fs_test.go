package vfs_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/batpak-go/batpak/runtime/internal/vfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/simfs"
)

// disks are the implementations, alone and behind faults of which none is armed. Each
// returns a way to open the same new directory again and again.
var disks = map[string]func(t *testing.T) (open func() vfs.FS){
	"os":          realDisk,
	"sim":         func(*testing.T) func() vfs.FS { return simfs.New().FS },
	"faults, os":  func(t *testing.T) func() vfs.FS { return behindFaults(realDisk(t)) },
	"faults, sim": func(*testing.T) func() vfs.FS { return behindFaults(simfs.New().FS) },
}

func realDisk(t *testing.T) func() vfs.FS {
	path := t.TempDir() + "/store"
	return func() vfs.FS {
		t.Helper()
		d, err := vfs.OpenDir(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = d.Close() }) // closed already by some tests
		return d
	}
}

func behindFaults(open func() vfs.FS) func() vfs.FS {
	return func() vfs.FS { return faultfs.New(open(), new(faultfs.Plan), nil) }
}

// onPairs runs a test on two directories of each implementation.
func onPairs(t *testing.T, test func(t *testing.T, a, b vfs.FS)) {
	for name, pair := range map[string]func(t *testing.T) (a, b func() vfs.FS){
		"os": func(t *testing.T) (a, b func() vfs.FS) { return realDisk(t), realDisk(t) },
		"sim": func(*testing.T) (a, b func() vfs.FS) {
			disk := simfs.New()
			disk.SetApart(false, true)
			return disk.FS, func() vfs.FS { return disk.Dir("other") }
		},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := pair(t)
			test(t, a(), b())
		})
		t.Run("faults, "+name, func(t *testing.T) {
			a, b := pair(t)
			test(t, behindFaults(a)(), behindFaults(b)())
		})
	}
}

// onEach runs a test of the contract on each implementation.
func onEach(t *testing.T, test func(t *testing.T, open func() vfs.FS)) {
	for name, disk := range disks {
		t.Run(name, func(t *testing.T) { test(t, disk(t)) })
	}
}

func TestCreateIsExclusive(t *testing.T) {
	onEach(t, func(t *testing.T, open func() vfs.FS) {
		d := open()
		put(t, d, "a", "one")
		if _, err := d.Create("a"); !errors.Is(err, fs.ErrExist) {
			t.Errorf("Create(a) again = %v, want fs.ErrExist", err)
		}
		wantFile(t, d, "a", "one")
	})
}

func TestMissingFiles(t *testing.T) {
	onEach(t, func(t *testing.T, open func() vfs.FS) {
		d := open()
		_, err := d.Open("a", vfs.ReadWrite)
		for call, err := range map[string]error{"Open": err, "Rename": d.Rename("a", "b"), "Remove": d.Remove("a")} {
			if !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s(a) = %v, want fs.ErrNotExist", call, err)
			}
		}
		wantEntries(t, d)
	})
}

func TestNamesAreChecked(t *testing.T) {
	onEach(t, func(t *testing.T, open func() vfs.FS) {
		d := open()
		put(t, d, "a", "")
		for _, name := range []string{"", ".", "..", "A", "x/y", "../x", "/x", "-x", ".x", "a\x00", "é", strings.Repeat("x", 65)} {
			_, create := d.Create(name)
			_, open := d.Open(name, vfs.ReadWrite)
			for call, err := range map[string]error{
				"Create": create, "Open": open, "Remove": d.Remove(name),
				"Rename from": d.Rename(name, "b"), "Rename to": d.Rename("a", name),
				"WriteFile": vfs.WriteFile(d, name, nil),
			} {
				if !errors.Is(err, fs.ErrInvalid) {
					t.Errorf("%s(%q) = %v, want fs.ErrInvalid", call, name, err)
				}
			}
		}
		wantEntries(t, d, vfs.Entry{Name: "a", Regular: true})
	})
}

func TestRenameReplaces(t *testing.T) {
	onEach(t, func(t *testing.T, open func() vfs.FS) {
		d := open()
		f := put(t, d, "a", "new")
		old := put(t, d, "b", "old")
		if err := d.Rename("a", "b"); err != nil {
			t.Fatal(err)
		}
		if err := d.Rename("b", "b"); err != nil {
			t.Errorf("Rename(b, b) = %v, want nil", err)
		}
		wantEntries(t, d, vfs.Entry{Name: "b", Size: 3, Regular: true})
		wantFile(t, d, "b", "new")
		wantContent(t, old, "old")
		if _, err := f.WriteAt([]byte("er"), 3); err != nil {
			t.Fatal(err)
		}
		wantFile(t, d, "b", "newer")
	})
}

func TestRemoveLeavesOpenFiles(t *testing.T) {
	onEach(t, func(t *testing.T, open func() vfs.FS) {
		d := open()
		f := put(t, d, "a", "one")
		if err := d.Remove("a"); err != nil {
			t.Fatal(err)
		}
		wantEntries(t, d)
		wantContent(t, f, "one")
		put(t, d, "a", "two")
		wantContent(t, f, "one")
		if err := f.Sync(); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Sync of a file that was removed = %v, want fs.ErrNotExist", err)
		}
	})
}

func TestReadAtAndWriteAt(t *testing.T) {
	onEach(t, func(t *testing.T, open func() vfs.FS) {
		f := put(t, open(), "a", "abc")
		if _, err := f.WriteAt([]byte("z"), 6); err != nil {
			t.Fatal(err)
		}
		const content = "abc\x00\x00\x00z"
		for _, tt := range []struct {
			off  int64
			size int
			want string
			err  error
		}{
			{0, 7, content, nil},
			{0, 8, content, io.EOF},
			{2, 2, "c\x00", nil},
			{6, 1, "z", nil},
			{7, 1, "", io.EOF},
			{99, 1, "", io.EOF},
			{0, 0, "", nil},
		} {
			p := make([]byte, tt.size)
			n, err := f.ReadAt(p, tt.off)
			if got := string(p[:n]); got != tt.want || err != tt.err {
				t.Errorf("ReadAt(%d bytes, %d) = %q, %v, want %q, %v", tt.size, tt.off, got, err, tt.want, tt.err)
			}
		}
		if n, err := f.WriteAt(nil, 99); n != 0 || err != nil {
			t.Errorf("WriteAt(nil, 99) = %d, %v, want 0, nil", n, err)
		}
		wantContent(t, f, content)
		if _, err := f.ReadAt(make([]byte, 1), -1); err == nil || err == io.EOF {
			t.Errorf("ReadAt(-1) = %v, want an error", err)
		}
		if _, err := f.WriteAt([]byte("x"), -1); err == nil {
			t.Errorf("WriteAt(-1) = nil, want an error")
		}
		if err := f.Truncate(-1); err == nil {
			t.Errorf("Truncate(-1) = nil, want an error")
		}
		wantContent(t, f, content)
	})
}

func TestWriteAtKeepsNoSlice(t *testing.T) {
	onEach(t, func(t *testing.T, open func() vfs.FS) {
		d := open()
		f := put(t, d, "a", "")
		p := []byte("abc")
		if _, err := f.WriteAt(p, 0); err != nil {
			t.Fatal(err)
		}
		clear(p)
		if err := f.Sync(); err != nil {
			t.Fatal(err)
		}
		wantFile(t, d, "a", "abc")
	})
}

func TestTruncate(t *testing.T) {
	onEach(t, func(t *testing.T, open func() vfs.FS) {
		f := put(t, open(), "a", "abcdef")
		for _, size := range []int64{3, 5} {
			if err := f.Truncate(size); err != nil {
				t.Fatal(err)
			}
		}
		wantContent(t, f, "abc\x00\x00") // not what lay there before
	})
}

func TestClosedHandles(t *testing.T) {
	onEach(t, func(t *testing.T, open func() vfs.FS) {
		d := open()
		f := put(t, d, "a", "abc")
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		_, read := f.ReadAt(make([]byte, 1), 0)
		_, write := f.WriteAt([]byte("x"), 0)
		_, size := f.Size()
		g, err := d.Open("a", vfs.ReadWrite)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		_, create := d.Create("b")
		_, reopen := d.Open("a", vfs.ReadWrite)
		_, list := d.List()
		_, lock := d.Lock(vfs.Exclusive)
		for call, err := range map[string]error{
			"ReadAt": read, "WriteAt": write, "Size": size, "Truncate": f.Truncate(0), "Sync": f.Sync(), "Close": f.Close(),
			"Create": create, "Open": reopen, "List": list, "Lock": lock, "Rename": d.Rename("a", "b"),
			"Remove": d.Remove("a"), "SyncDir": d.SyncDir(), "Close the directory": d.Close(),
		} {
			if !errors.Is(err, fs.ErrClosed) {
				t.Errorf("%s after Close = %v, want fs.ErrClosed", call, err)
			}
		}
		wantContent(t, g, "abc")
		_ = g.Close()
		wantFile(t, open(), "a", "abc")
	})
}

func TestLockIsExclusive(t *testing.T) {
	onEach(t, func(t *testing.T, open func() vfs.FS) {
		d, other := open(), open()
		lock, err := d.Lock(vfs.Exclusive)
		if err != nil {
			t.Fatal(err)
		}
		for who, d := range map[string]vfs.FS{"the same handle": d, "another handle": other} {
			if _, err := d.Lock(vfs.Exclusive); !errors.Is(err, vfs.ErrLocked) {
				t.Errorf("Lock of %s = %v, want ErrLocked", who, err)
			}
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := other.Lock(vfs.Exclusive); !errors.Is(err, vfs.ErrLocked) {
			t.Errorf("Lock after the holder closed its directory = %v, want ErrLocked", err)
		}
		if err := lock.Close(); err != nil {
			t.Fatal(err)
		}
		second, err := other.Lock(vfs.Exclusive)
		if err != nil {
			t.Fatalf("Lock after release = %v, want nil", err)
		}
		if err := lock.Close(); !errors.Is(err, fs.ErrClosed) {
			t.Errorf("second Close = %v, want fs.ErrClosed", err)
		}
		if _, err := open().Lock(vfs.Exclusive); !errors.Is(err, vfs.ErrLocked) {
			t.Errorf("Lock after a second Close of an old lock = %v, want ErrLocked", err)
		}
		if err := second.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestWriteFileReplaces(t *testing.T) {
	onEach(t, func(t *testing.T, open func() vfs.FS) {
		d := open()
		put(t, d, "a"+vfs.TempSuffix, "left over")
		for _, want := range []string{"one", "", "three"} {
			if err := vfs.WriteFile(d, "a", []byte(want)); err != nil {
				t.Fatal(err)
			}
			wantFile(t, d, "a", want)
			wantEntries(t, d, vfs.Entry{Name: "a", Size: int64(len(want)), Regular: true})
		}
	})
}

// FuzzImplementationsAgree runs one script on all implementations: each call
// must have the same result, and leave the same files.
func FuzzImplementationsAgree(f *testing.F) {
	for seed := range uint64(20) {
		script := make([]byte, 400)
		_, _ = rand.NewChaCha8([32]byte{byte(seed)}).Read(script)
		f.Add(script)
	}
	f.Fuzz(func(t *testing.T, script []byte) {
		logs := map[string][]string{}
		for name, disk := range disks {
			logs[name] = play(t, disk(t)(), script)
		}
		for name, log := range logs {
			if diff := cmp.Diff(logs["os"], log); diff != "" {
				t.Errorf("results differ (-os +%s):\n%s", name, diff)
			}
		}
	})
}

// play runs a script and tells what was to be seen.
func play(t *testing.T, d vfs.FS, script []byte) (log []string) {
	var files []vfs.File
	defer func() {
		for _, f := range files {
			_ = f.Close()
		}
	}()
	saw := func(format string, args ...any) { log = append(log, fmt.Sprintf(format, args...)) }
	for ; len(script) >= 4; script = script[4:] {
		name, to := string('a'+script[1]%4), string('a'+script[2]%4)
		off, size := int64(script[2])*7, int(script[3])*5
		data := bytes.Repeat(script[3:4], size)
		switch op := script[0] % 9; {
		case op <= 1:
			open := d.Create
			if op == 1 {
				open = func(name string) (vfs.File, error) { return d.Open(name, vfs.Mode(size%2)) }
			}
			f, err := open(name)
			if err == nil {
				files = append(files, f)
			}
			saw("open %d %s %v", op, name, class(err))
		case op == 2:
			saw("rename %s %s %v", name, to, class(d.Rename(name, to)))
		case op == 3:
			saw("remove %s %v", name, class(d.Remove(name)))
		case op == 4:
			entries, err := d.List()
			saw("list %v %v", entries, class(err))
		case len(files) == 0:
		case op == 5:
			n, err := files[int(script[1])%len(files)].ReadAt(data, off)
			saw("read %d %d %x %v", off, n, data[:n], err)
		case op == 6:
			n, err := files[int(script[1])%len(files)].WriteAt(data, off)
			saw("write %d %d %v", off, n, class(err))
		case op == 7:
			saw("truncate %d %v", off, class(files[int(script[1])%len(files)].Truncate(off)))
		case op == 8:
			size, err := files[int(script[1])%len(files)].Size()
			saw("size %d %v", size, class(err))
		}
	}
	return log
}

// class is what the contract says about an error.
func class(err error) error {
	for _, class := range []error{fs.ErrExist, fs.ErrNotExist, fs.ErrInvalid, fs.ErrClosed, fs.ErrPermission} {
		if errors.Is(err, class) {
			return class
		}
	}
	return err
}

// put makes a file; it is closed at the end of the test.
func put(t *testing.T, d vfs.FS, name, content string) vfs.File {
	t.Helper()
	f, err := d.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() }) // closed already by some tests
	if _, err := f.WriteAt([]byte(content), 0); err != nil {
		t.Fatal(err)
	}
	return f
}

func wantFile(t *testing.T, d vfs.FS, name, want string) {
	t.Helper()
	f, err := d.Open(name, vfs.ReadWrite)
	if err != nil {
		t.Error(err)
		return
	}
	wantContent(t, f, want)
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}

func wantContent(t *testing.T, f vfs.File, want string) {
	t.Helper()
	size, err := f.Size()
	if err != nil {
		t.Error(err)
		return
	}
	p := make([]byte, size)
	if _, err := f.ReadAt(p, 0); err != nil {
		t.Error(err)
	}
	if string(p) != want {
		t.Errorf("content = %q, want %q", p, want)
	}
}

func wantEntries(t *testing.T, d vfs.FS, want ...vfs.Entry) {
	t.Helper()
	got, err := d.List()
	if err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(append([]vfs.Entry{}, want...), append([]vfs.Entry{}, got...)); diff != "" {
		t.Errorf("List differs (-want +got):\n%s", diff)
	}
}

// A clone is another file with the same content, and where there can be none, none is left.
// TMPDIR says on which disk this is tried.
func TestCloneIsAnotherFile(t *testing.T) {
	onPairs(t, func(t *testing.T, a, b vfs.FS) {
		content := strings.Repeat("clone ", 10_001) // not of whole blocks
		f := put(t, a, "x", content)
		for name, want := range map[string]error{"none": fs.ErrNotExist, "../x": fs.ErrInvalid} {
			if err := a.Clone(name, b); !errors.Is(err, want) {
				t.Errorf("Clone(%s) = %v, want %v", name, err, want)
			}
		}
		if err := a.Clone("x", simfs.New().FS()); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("Clone() to another disk = %v, want errors.ErrUnsupported", err)
		}
		wantEntries(t, b)
		err := a.Clone("x", b)
		if errors.Is(err, errors.ErrUnsupported) {
			wantEntries(t, b)
			t.Skip(err)
		}
		if err != nil {
			t.Fatal(err)
		}
		wantFile(t, b, "x", content)
		if err := a.Clone("x", b); !errors.Is(err, fs.ErrExist) {
			t.Errorf("Clone(x) again = %v, want fs.ErrExist", err)
		}
		wantFile(t, b, "x", content)
		g, err := b.Open("x", vfs.ReadWrite)
		if err != nil {
			t.Fatal(err)
		}
		defer g.Close()
		write := func(f vfs.File, s string, off int64) {
			t.Helper()
			if _, err := f.WriteAt([]byte(s), off); err != nil {
				t.Fatal(err)
			}
		}
		write(f, "other", 0)
		write(g, "more", int64(len(content)))
		if err := g.Sync(); err != nil {
			t.Fatal(err)
		}
		wantFile(t, a, "x", "other"+content[5:])
		wantFile(t, b, "x", content+"more")
		for name, d := range map[string]vfs.FS{"file": a, "clone": b} {
			if shared, err := d.Shared("x"); shared || err != nil {
				t.Errorf("Shared() of the %s = %t, %v", name, shared, err)
			}
		}
	})
}

// A link is a second name of one file: what is written shows under both, and each
// lives without the other.
func TestLinkIsASecondName(t *testing.T) {
	onPairs(t, func(t *testing.T, a, b vfs.FS) {
		f := put(t, a, "x", "one")
		if err := a.Link("x", b); err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteAt([]byte("two"), 3); err != nil {
			t.Fatal(err)
		}
		wantFile(t, b, "x", "onetwo")
		put(t, b, "alone", "")
		for name, want := range map[string]bool{"x": true, "alone": false} {
			if got, err := b.Shared(name); got != want || err != nil {
				t.Errorf("Shared(%s) = %t, %v, want %t", name, got, err, want)
			}
		}
		if _, err := b.Shared("none"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Shared(none) = %v, want fs.ErrNotExist", err)
		}
		if err := b.Remove("alone"); err != nil {
			t.Fatal(err)
		}
		wantEntries(t, b, vfs.Entry{Name: "x", Size: 6, Regular: true})
		if err := a.Link("x", b); !errors.Is(err, fs.ErrExist) {
			t.Errorf("Link(x) again = %v, want fs.ErrExist", err)
		}
		put(t, a, "y", "three")
		if err := a.Rename("y", "x"); err != nil {
			t.Fatal(err)
		}
		wantFile(t, a, "x", "three")
		wantFile(t, b, "x", "onetwo")
		if err := b.Remove("x"); err != nil {
			t.Fatal(err)
		}
		wantContent(t, f, "onetwo")
		wantFile(t, a, "x", "three")
		for name, want := range map[string]error{"none": fs.ErrNotExist, "../x": fs.ErrInvalid} {
			if err := a.Link(name, b); !errors.Is(err, want) {
				t.Errorf("Link(%s) = %v, want %v", name, err, want)
			}
		}
		if err := a.Link("x", simfs.New().FS()); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("Link() to another disk = %v, want errors.ErrUnsupported", err)
		}
	})
}
