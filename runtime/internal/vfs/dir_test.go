package vfs_test

import (
	"bufio"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/batpak-go/batpak/runtime/internal/vfs"
)

func TestOpenDirMakesThePath(t *testing.T) {
	path := filepath.Join(t.TempDir(), "one", "two")
	d := openDir(t, path)
	put(t, d, "a", "abc")
	for name, want := range map[string]fs.FileMode{
		path: fs.ModeDir | 0o700, filepath.Dir(path): fs.ModeDir | 0o700, filepath.Join(path, "a"): 0o600,
	} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode() & (fs.ModeType | 0o077); got != want&(fs.ModeType|0o077) {
			t.Errorf("mode of %s = %v, want %v", filepath.Base(name), info.Mode(), want)
		}
	}
	wantFile(t, openDir(t, path), "a", "abc")
}

// TestOpenDirOfNoPath: where no path is given, the directory of the process is not meant.
func TestOpenDirOfNoPath(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, open := range map[string]func(string) (vfs.FS, error){"OpenDir": vfs.OpenDir, "OpenDirReadOnly": vfs.OpenDirReadOnly} {
		if _, err := open(""); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("%s(\"\") = %v, want fs.ErrInvalid", name, err)
		}
		d, err := open(".")
		if err != nil {
			t.Fatalf("%s(\".\") = %v", name, err)
		}
		d.Close()
	}
}

// What is open for reading cannot be changed, and is not made.
func TestOpenDirReadOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store")
	if _, err := vfs.OpenDirReadOnly(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("OpenDirReadOnly of nothing = %v, want fs.ErrNotExist", err)
	}
	put(t, openDir(t, path), "a", "abc")
	d, err := vfs.OpenDirReadOnly(path)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	f, err := d.Open("a", vfs.ReadOnly)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	wantContent(t, f, "abc")
	_, cerr := d.Create("b")
	_, oerr := d.Open("a", vfs.ReadWrite)
	_, werr := f.WriteAt([]byte("x"), 0)
	for call, err := range map[string]error{
		"Create": cerr, "Open": oerr, "WriteAt": werr, "Truncate": f.Truncate(0),
		"Rename": d.Rename("a", "b"), "Remove": d.Remove("a"), "SyncDir": d.SyncDir(),
	} {
		if !errors.Is(err, fs.ErrPermission) {
			t.Errorf("%s = %v, want fs.ErrPermission", call, err)
		}
	}
	if entries, err := d.List(); err != nil || len(entries) != 1 {
		t.Errorf("List() = %v, %v, want one file", entries, err)
	}
	wantContent(t, f, "abc")
	lock, err := d.Lock(vfs.Shared)
	if err != nil {
		t.Fatal(err)
	}
	_ = lock.Close()
}

func TestOpenDirRefusesAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{path, filepath.Join(path, "below")} {
		if _, err := vfs.OpenDir(path); err == nil {
			t.Errorf("OpenDir(%s) = nil, want an error", path)
		}
	}
}

// A relative path must keep its meaning when the process moves elsewhere.
func TestOpenDirKeepsItsPath(t *testing.T) {
	t.Chdir(t.TempDir())
	d := openDir(t, "store")
	t.Chdir(t.TempDir())
	lock, err := d.Lock(vfs.Exclusive)
	if err != nil {
		t.Fatal(err)
	}
	_ = lock.Close()
}

func TestOnlyRegularFiles(t *testing.T) {
	path := t.TempDir()
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.WriteFile(outside, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	d := openDir(t, path)
	put(t, d, "regular", "abc")
	for name, target := range map[string]string{"away": outside, "near": "regular", "dangling": "nothing"} {
		if err := os.Symlink(target, filepath.Join(path, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(path, "sub"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"away", "near", "dangling", "sub"} {
		_, open := d.Open(name, vfs.ReadWrite)
		for call, err := range map[string]error{"Open": open, "Remove": d.Remove(name), "Rename": d.Rename(name, "x")} {
			if !errors.Is(err, fs.ErrInvalid) {
				t.Errorf("%s(%s) = %v, want fs.ErrInvalid", call, name, err)
			}
		}
		if _, err := d.Create(name); !errors.Is(err, fs.ErrExist) {
			t.Errorf("Create(%s) = %v, want fs.ErrExist", name, err)
		}
	}
	wantEntries(t, d, vfs.Entry{Name: "away"}, vfs.Entry{Name: "dangling"}, vfs.Entry{Name: "near"},
		vfs.Entry{Name: "regular", Size: 3, Regular: true}, vfs.Entry{Name: "sub"})

	// A link may be replaced, but what it leads to stays as it is.
	if err := vfs.WriteFile(d, "away", []byte("mine")); err != nil {
		t.Fatal(err)
	}
	wantFile(t, d, "away", "mine")
	if got, err := os.ReadFile(outside); string(got) != "secret" || err != nil {
		t.Errorf("file outside = %q, %v, want it untouched", got, err)
	}
}

func TestListReportsForeignNames(t *testing.T) {
	path := t.TempDir()
	d := openDir(t, path)
	if err := os.WriteFile(filepath.Join(path, "Foreign Name"), []byte("abc"), 0o600); err != nil {
		t.Fatal(err)
	}
	wantEntries(t, d, vfs.Entry{Name: "Foreign Name", Size: 3, Regular: true})
}

func TestLockNoticesAnotherDirectory(t *testing.T) {
	for _, replace := range []bool{false, true} {
		path := filepath.Join(t.TempDir(), "store")
		d := openDir(t, path)
		if err := os.Rename(path, path+"-moved"); err != nil {
			t.Fatal(err)
		}
		if replace {
			openDir(t, path)
		}
		if _, err := d.Lock(vfs.Exclusive); err == nil || errors.Is(err, vfs.ErrLocked) {
			t.Errorf("Lock after the directory moved (another in its place: %v) = %v, want another error", replace, err)
		}
		lock, err := openDir(t, path+"-moved").Lock(vfs.Exclusive) // the refusal kept nothing locked
		if err != nil {
			t.Fatal(err)
		}
		_ = lock.Close()
	}
}

// holdEnv names, to the test binary run again, the directory to lock.
const holdEnv = "BATPAK_TEST_HOLD"

func TestMain(m *testing.M) {
	path, ok := os.LookupEnv(holdEnv)
	if !ok {
		os.Exit(m.Run())
	}
	if err := hold(path); err != nil {
		_, _ = io.WriteString(os.Stderr, err.Error()+"\n")
		os.Exit(1)
	}
}

// hold locks the directory at path, unless that is empty, says so, and waits
// for the end of its input.
func hold(path string) error {
	if path != "" {
		d, err := vfs.OpenDir(path)
		if err != nil {
			return err
		}
		if _, err := d.Lock(vfs.Exclusive); err != nil {
			return err
		}
	}
	if _, err := os.Stdout.WriteString("ready\n"); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

// startHolder runs hold in another process.
func startHolder(t *testing.T, path string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), holdEnv+"="+path)
	cmd.Stderr = os.Stderr
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { kill(cmd) })
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatalf("other process said %q, %v", line, err)
	}
	return cmd
}

// kill ends the process at once and waits until it is gone. It may be gone
// already.
func kill(cmd *exec.Cmd) {
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
}

func TestLockExcludesOtherProcesses(t *testing.T) {
	path := t.TempDir()
	d := openDir(t, path)
	holder := startHolder(t, path)
	if _, err := d.Lock(vfs.Exclusive); !errors.Is(err, vfs.ErrLocked) {
		t.Errorf("Lock while another process holds it = %v, want ErrLocked", err)
	}
	kill(holder)
	lock, err := d.Lock(vfs.Exclusive)
	if err != nil {
		t.Fatalf("Lock after the holder was killed = %v, want nil", err)
	}
	_ = lock.Close()
}

func TestLockIsNotInherited(t *testing.T) {
	path := t.TempDir()
	d := openDir(t, path)
	lock, err := d.Lock(vfs.Exclusive)
	if err != nil {
		t.Fatal(err)
	}
	startHolder(t, "") // and it lives on
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
	lock, err = openDir(t, path).Lock(vfs.Exclusive)
	if err != nil {
		t.Fatalf("Lock while a child of the old holder lives = %v, want nil", err)
	}
	_ = lock.Close()
}

func openDir(t *testing.T, path string) vfs.FS {
	t.Helper()
	d, err := vfs.OpenDir(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() }) // closed already by some tests
	return d
}
