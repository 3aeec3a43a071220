package scaffold

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode"

	"golang.org/x/tools/txtar"

	"github.com/batpak-go/batpak/cmd/batpakgen/internal/command"
	"github.com/batpak-go/batpak/cmd/batpakgen/internal/session"
	"github.com/batpak-go/batpak/schema/diag"
)

//go:embed template.txtar
var template []byte

// Run makes a package with a schema. It is a [command.Func].
func Run(ctx context.Context, args []string, to command.Streams) error {
	flags := command.Flags("batpakgen init [flags] [dir]", to)
	name := flags.String("pkg", "", "`name` of the package; that of the files in dir, or of dir itself, if not given")
	chdir := flags.String("C", ".", "work as if started in `dir`")
	if err := command.Parse(flags, args); err != nil {
		return err
	}
	if flags.NArg() > 1 {
		return errors.New("init: one directory at a time")
	}
	dir, err := filepath.Abs(*chdir)
	if err != nil {
		return err
	}
	if arg := flags.Arg(0); filepath.IsAbs(arg) {
		dir = arg
	} else {
		dir = filepath.Join(dir, arg)
	}
	s := scaffold{dir: dir, pkg: *name, to: to}
	return s.run(ctx)
}

// scaffold is one run.
type scaffold struct {
	dir string // absolute
	pkg string // package name
	to  command.Streams
}

// run takes the steps in the order in which they may fail without harm.
func (s *scaffold) run(ctx context.Context) error {
	if err := s.choosePackage(); err != nil {
		return err
	}
	near := existing(s.dir)
	mod, err := moduleFile(ctx, near)
	if err != nil {
		return fmt.Errorf("init: %w", err)
	}
	taken, err := takenIn(filepath.Dir(mod))
	if err != nil {
		return fmt.Errorf("init: %w", err)
	}
	files, err := s.files(taken)
	if err != nil {
		return fmt.Errorf("init: %w", err)
	}
	for _, f := range files {
		path := filepath.Join(s.dir, f.Name)
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("init: %s exists already; nothing was written", path)
		}
	}
	if err := prepare(ctx, near, mod, s.to.Err); err != nil {
		return fmt.Errorf("init: %w", err)
	}
	if err := os.MkdirAll(s.dir, 0o777); err != nil {
		return fmt.Errorf("init: %w", err)
	}
	for _, f := range files {
		if err := s.write(f); err != nil {
			return fmt.Errorf("init: %w", err)
		}
	}
	if err := s.generate(ctx); err != nil {
		return err
	}
	// What the generated code needs besides.
	return goCommand{s.dir, s.to.Err}.run(ctx, "get", "-t", ".")
}

// existing is the nearest directory that is there: dir or one above it.
func existing(dir string) string {
	for dir != filepath.Dir(dir) {
		if info, err := os.Stat(dir); err == nil && info.IsDir() {
			break
		}
		dir = filepath.Dir(dir)
	}
	return dir
}

// files are what is written, in order, with nothing in them that is taken.
func (s *scaffold) files(taken *taken) ([]txtar.File, error) {
	first, ok := taken.freeKinds()
	if !ok {
		return nil, errors.New("no two kinds in a row are left for the events of an example")
	}
	words := strings.NewReplacer("PACKAGE", s.pkg, "PREFIX", taken.freePrefix("task", s.pkg),
		"CATEGORY", fmt.Sprintf("%#x", uint16(first>>12)),
		"FIRST", fmt.Sprintf("%#03x", uint16(first&0xFFF)), "SECOND", fmt.Sprintf("%#03x", uint16(first&0xFFF)+1))
	files := txtar.Parse(template).Files
	for i := range files {
		files[i].Data = []byte(words.Replace(string(files[i].Data)))
	}
	return files, nil
}

// write writes a file that is not there.
func (s *scaffold) write(f txtar.File) error {
	path := filepath.Join(s.dir, f.Name)
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	_, err = out.Write(f.Data)
	if err = errors.Join(err, out.Close()); err != nil {
		return err
	}
	fmt.Fprintln(s.to.Err, "batpakgen: wrote", path)
	return nil
}

// generate generates the code of what was written.
func (s *scaffold) generate(ctx context.Context) error {
	run := session.New(session.Options{Dir: s.dir, Patterns: []string{"."}, Trace: io.Discard})
	results, err := run.Load(ctx)
	if err != nil {
		return err
	}
	if err := run.Judge(results); err != nil {
		return err
	}
	if err := diag.Print(s.to.Err, s.dir, run.All()); err != nil {
		return err
	}
	if diag.HasErrors(run.All()) {
		return command.ErrFindings
	}
	if err := run.Apply(ctx); err != nil {
		return err
	}
	for _, c := range run.Plan().Changes() {
		fmt.Fprintln(s.to.Err, "batpakgen: wrote", c.Path)
	}
	return nil
}

// choosePackage settles the name of the package. A directory with Go files has
// one already.
func (s *scaffold) choosePackage() error {
	there, err := packageIn(s.dir)
	if err != nil {
		return fmt.Errorf("init: %w", err)
	}
	switch {
	case there != "" && s.pkg != "" && s.pkg != there:
		return fmt.Errorf("init: the package in %s is %s, not %s", s.dir, there, s.pkg)
	case there != "":
		s.pkg = there
	case s.pkg == "":
		s.pkg = packageName(filepath.Base(s.dir))
	}
	if !token.IsIdentifier(s.pkg) || s.pkg == "_" {
		return fmt.Errorf("init: %q is no name for a package; give one with -pkg", s.pkg)
	}
	return nil
}

// packageIn is the name of the package in a directory, or empty.
func packageIn(dir string) (string, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return "", err
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.PackageClauseOnly)
		if err != nil {
			return "", err
		}
		return f.Name.Name, nil
	}
	return "", nil
}

// packageName makes the name of a package from that of its directory: the letters
// and digits, in lower case.
func packageName(dir string) string {
	return strings.TrimLeft(strings.Map(func(r rune) rune {
		if r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, dir), "0123456789")
}
