package read

import (
	"bytes"
	"context"
	"encoding/json"
	"go/types"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"
)

// goCommand runs the go command.
type goCommand struct {
	ctx   context.Context
	dir   string // absolute
	env   []string
	flags []string
	sizes types.Sizes
}

// newGoCommand is the go command as the loader would run it.
func newGoCommand(ctx context.Context, cfg Config) (*goCommand, error) {
	if len(cfg.Overlay) > 0 {
		return nil, unsure("there is an overlay")
	}
	g := &goCommand{ctx: ctx, env: cfg.Env, flags: []string{"-e", "-buildvcs=false", "-pgo=off"}}
	if cfg.Tags != "" {
		g.flags = append(g.flags, "-tags="+cfg.Tags)
	}
	if g.env == nil {
		g.env = os.Environ()
	}
	if hasDriver(g.env) {
		return nil, unsure("packages have a driver of their own")
	}
	var err error
	if g.dir, err = filepath.Abs(cfg.Dir); err != nil {
		return nil, err
	}
	g.env = append(slices.Clip(g.env), "PWD="+g.dir)
	set := cfg.Settings
	if len(set) == 0 {
		out, err := g.run("env", "-json", "GOARCH", "GOFLAGS")
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(out, &set); err != nil {
			return nil, err
		}
	}
	if flags := set["GOFLAGS"]; strings.Contains(flags, "-overlay") || strings.Contains(flags, "-compiler") {
		return nil, unsure("GOFLAGS is %s", flags)
	}
	if g.sizes = types.SizesFor("gc", set["GOARCH"]); g.sizes == nil {
		return nil, unsure("no sizes are known for %s", set["GOARCH"])
	}
	return g, nil
}

// hasDriver reports whether package packages asks another program than the go command.
func hasDriver(env []string) bool {
	tool := ""
	for _, setting := range env {
		if value, ok := strings.CutPrefix(setting, "GOPACKAGESDRIVER="); ok {
			tool = value
		}
	}
	if tool == "" {
		_, err := exec.LookPath("gopackagesdriver")
		return err == nil
	}
	return tool != "off"
}

// run runs a subcommand and returns what it prints.
func (g *goCommand) run(args ...string) ([]byte, error) {
	cmd := exec.CommandContext(g.ctx, "go", args...)
	cmd.Dir, cmd.Env = g.dir, g.env
	return cmd.Output()
}

// listed is what the go command says of a package.
type listed struct {
	ImportPath, Name, Dir, Export string
	GoFiles, CgoFiles             []string
	Module                        *packages.Module
	Standard                      bool
	Incomplete                    bool            // something is wrong, here or in an import
	Error                         json.RawMessage // what is wrong here, if anything
	more
}

// more is what a package may consist of besides Go files.
type more struct {
	CFiles, CXXFiles, MFiles, HFiles, FFiles, SFiles, SwigFiles, SwigCXXFiles, SysoFiles []string

	EmbedPatterns []string
}

// hasMore reports whether the package needs more than a Go compiler.
func (p *listed) hasMore() bool {
	m := &p.more
	return len(slices.Concat(p.CgoFiles, m.CFiles, m.CXXFiles, m.MFiles, m.HFiles, m.FFiles, m.SFiles,
		m.SwigFiles, m.SwigCXXFiles, m.SysoFiles, m.EmbedPatterns)) > 0
}

// list asks about the packages that match patterns.
func (g *goCommand) list(how, patterns []string) ([]*listed, error) {
	args := slices.Concat([]string{
		"list", "-json=ImportPath,Name,Dir,Export,GoFiles,CgoFiles,CFiles,CXXFiles,MFiles,HFiles,FFiles,SFiles,SwigFiles,SwigCXXFiles,SysoFiles,EmbedPatterns,Module,Standard,Incomplete,Error",
	}, how, g.flags, []string{"--"}, patterns)
	const long = 1 << 14 // safe on any system
	if len(strings.Join(args, " ")) > long {
		return nil, unsure("there are many packages")
	}
	out, err := g.run(args...)
	if err != nil {
		return nil, err
	}
	var found []*listed
	for dec := json.NewDecoder(bytes.NewReader(out)); dec.More(); {
		p := new(listed)
		if err := dec.Decode(p); err != nil {
			return nil, err
		}
		if p.Incomplete || len(p.Error) > 0 {
			return nil, unsure("the go command finds fault with package %s", p.ImportPath)
		}
		found = append(found, p)
	}
	if len(found) == 0 {
		return nil, unsure("there are no packages")
	}
	return found, nil
}
