package faultfs_test

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/batpak-go/batpak/runtime/internal/vfs"
	"github.com/batpak-go/batpak/runtime/internal/vfs/faultfs"
)

// steps do each operation once, and return what they read.
var steps = map[faultfs.Op]func(r rig) (read string, err error){
	faultfs.OpCreate: func(r rig) (string, error) { return "", closed(r.dir.Create("b")) },
	faultfs.OpOpen:   func(r rig) (string, error) { return "", closed(r.dir.Open("a", vfs.ReadWrite)) },
	faultfs.OpRename: func(r rig) (string, error) { return "", r.dir.Rename("a", "b") },
	faultfs.OpRemove: func(r rig) (string, error) { return "", r.dir.Remove("a") },
	faultfs.OpList: func(r rig) (string, error) {
		all, err := r.dir.List()
		return fmt.Sprint(all), err
	},
	faultfs.OpSyncDir: func(r rig) (string, error) { return "", r.dir.SyncDir() },
	faultfs.OpRead: func(r rig) (string, error) {
		p := make([]byte, 3)
		n, err := r.file.ReadAt(p, 0)
		return string(p[:n]), err
	},
	faultfs.OpWrite: func(r rig) (string, error) {
		n, err := r.file.WriteAt([]byte("uvwxyz"), 1)
		return "uvwxyz"[:n], err
	},
	faultfs.OpTruncate: func(r rig) (string, error) { return "", r.file.Truncate(1) },
	faultfs.OpSync:     func(r rig) (string, error) { return "", r.file.Sync() },
}

// closed closes what was opened and returns the error of the opening.
func closed(f vfs.File, err error) error {
	if err == nil {
		err = f.Close()
	}
	return err
}

// TestForms: an operation that fails answers with the error of the fault. In one form all
// that is there is what was there before; but of what a full disk was to write, or of a read
// that meets the end of the file, there is a prefix, of the length that was told. In the
// other form all is as if it had not failed, and what it has read was read.
func TestForms(t *testing.T) {
	onEach(t, func(t *testing.T, build func() rig) {
		for op, step := range steps {
			sound := build()
			before := content(t, sound.below)
			has, err := step(sound)
			must(t, err)
			after := content(t, sound.below)
			for _, failure := range []error{nil, syscall.ENOSPC, syscall.EDQUOT, syscall.EMFILE, syscall.EINTR, io.EOF, io.ErrShortWrite} {
				for _, kept := range []bool{false, true} {
					r := build()
					r.Fail(faultfs.Fault{Op: op, Kept: kept, Err: failure})
					got, err := step(r)
					want, wantHas, wantErr := before, "", failure
					if failure == nil {
						wantErr = syscall.EIO
					}
					switch {
					case kept:
						want, wantHas = after, has
					case op == faultfs.OpRead && failure == io.EOF:
						wantHas = "abc"[:len(got)]
					case op == faultfs.OpWrite && (vfs.Full(failure) || failure == io.ErrShortWrite):
						wantHas = "uvwxyz"[:len(got)]
						want = map[string]string{"a": "a" + wantHas + "bc"[min(len(got), 2):]}
					}
					what := fmt.Sprintf("%s with %v, kept: %t", op, failure, kept)
					if !errors.Is(err, wantErr) {
						t.Errorf("%s = %v, want %v", what, err, wantErr)
					}
					if op != faultfs.OpList && got != wantHas { // the entries of a list are not to be looked at
						t.Errorf("%s tells of %q, want %q", what, got, wantHas)
					}
					if diff := cmp.Diff(want, content(t, r.below)); diff != "" {
						t.Errorf("%s: directory (-want +got):\n%s", what, diff)
					}
					if !r.Heal() {
						t.Errorf("%s: Heal() = false, want true", what)
					}
				}
			}
		}
	})
}

// TestPrefixes: what there is of a write or a read may have any length.
func TestPrefixes(t *testing.T) {
	onEach(t, func(t *testing.T, build func() rig) {
		for op, failure := range map[faultfs.Op]error{faultfs.OpWrite: syscall.ENOSPC, faultfs.OpRead: io.EOF} {
			lengths := map[int]bool{}
			r := build()
			for range 60 {
				r.Fail(faultfs.Fault{Op: op, Err: failure})
				got, err := steps[op](r)
				if !errors.Is(err, failure) {
					t.Fatalf("%s = %v, want %v", op, err, failure)
				}
				if op == faultfs.OpRead && err != io.EOF {
					t.Errorf("read = %v, want io.EOF as it is", err)
				}
				lengths[len(got)] = true
			}
			want := map[faultfs.Op][]int{faultfs.OpWrite: {0, 1, 2, 3, 4, 5, 6}, faultfs.OpRead: {0, 1, 2, 3}}[op]
			if got := slices.Sorted(maps.Keys(lengths)); !slices.Equal(got, want) {
				t.Errorf("%s ends after %v bytes, want %v", op, got, want)
			}
		}
	})
}

// TestWhichFail: the k-th operation of those that count fails, alone or with all after it.
// Of two faults each counts for itself.
func TestWhichFail(t *testing.T) {
	onEach(t, func(t *testing.T, build func() rig) {
		for _, tt := range []struct {
			faults []faultfs.Fault
			want   string // which of six operations, alternating open and list, succeed
		}{
			{nil, "......"},
			{[]faultfs.Fault{{Op: faultfs.OpAny}}, "x....."},
			{[]faultfs.Fault{{Op: faultfs.OpAny, N: 2}}, ".x...."},
			{[]faultfs.Fault{{Op: faultfs.OpList, N: 2}}, "...x.."},
			{[]faultfs.Fault{{Op: faultfs.OpList, N: 2, Sticky: true}}, "...x.x"},
			{[]faultfs.Fault{{Op: faultfs.OpAny, N: 5, Sticky: true}}, "....xx"},
			{[]faultfs.Fault{{Op: faultfs.OpOpen}, {Op: faultfs.OpAny, N: 4}}, "x..x.."},
			{[]faultfs.Fault{{Op: faultfs.OpWrite, Sticky: true}}, "......"},
			{[]faultfs.Fault{{Op: faultfs.OpAny, N: 7}}, "......"},
		} {
			r := build()
			for _, f := range tt.faults {
				r.Fail(f)
			}
			var got strings.Builder
			for i := range 6 {
				op := []faultfs.Op{faultfs.OpOpen, faultfs.OpList}[i%2]
				_, err := steps[op](r)
				got.WriteByte(".x"[min(len(fmt.Sprint(err)), 6)-5])
			}
			if got.String() != tt.want {
				t.Errorf("with %v: %s, want %s", tt.faults, got.String(), tt.want)
			}
			if met := r.Heal(); met != strings.Contains(tt.want, "x") {
				t.Errorf("with %v: Heal() = %t", tt.faults, met)
			}
			if _, err := steps[faultfs.OpList](r); err != nil || r.Heal() {
				t.Errorf("after Heal = %v, want nil, and nothing to tell", err)
			}
		}
	})
}

// TestOneOfMany: of operations that run at the same time one fails, too.
func TestOneOfMany(t *testing.T) {
	onEach(t, func(t *testing.T, build func() rig) {
		r := build()
		r.Fail(faultfs.Fault{Op: faultfs.OpRead, N: 20})
		var failed atomic.Int64
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				for range 10 {
					if _, err := steps[faultfs.OpRead](r); err != nil {
						failed.Add(1)
					}
				}
			})
		}
		all.Wait()
		if failed.Load() != 1 {
			t.Errorf("%d of 80 reads have failed, want 1", failed.Load())
		}
	})
}
