package generate

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/batpak-go/batpak/cmd/batpakgen/internal/cache"
	"github.com/batpak-go/batpak/cmd/batpakgen/internal/command"
	"github.com/batpak-go/batpak/cmd/batpakgen/internal/inputs"
)

// ifChanged does a run unless it would find what an earlier one found: everything
// as it should be. Only a run that printed nothing and wrote nothing is left out,
// and only if nothing that it depends on changed while it was made. Runs that are
// asked to compare, or for more than to bring code up to date, are always made, and
// use of the earlier ones where the export data of imports is, unless they are forced.
func (o *options) ifChanged(ctx context.Context, to command.Streams) error {
	if o.force {
		_, err := o.once(ctx, to)
		return err
	}
	p := o.Promises
	always := o.Compare || o.dry || o.json || p.Fix || p.Release || p.Accept != "" || p.NoDrafts
	start := time.Now()
	program, err := inputs.Program()
	var before *sight
	if err == nil {
		before, err = o.look(ctx, program)
	}
	switch {
	case err != nil:
		fmt.Fprintln(o.Trace, "batpakgen: no run is left out:", err)
		_, err := o.once(ctx, to)
		return err
	case !always && before.runs.Has(before.digest):
		fmt.Fprintf(o.Trace, "batpakgen: nothing has changed since a run that had nothing to do (%v)\n", time.Since(start).Round(time.Millisecond))
		return nil
	}
	learned := false
	run := *o
	run.Settings = before.settings
	run.Recall = func(dirs, imports []string) map[string]string {
		files := before.exports(dirs, imports)
		if files != nil {
			fmt.Fprintln(o.Trace, "batpakgen: nothing has changed but packages with a schema")
		}
		return files
	}
	run.Keep = func(dirs []string, files map[string]string) {
		before.dirs, before.files, learned = dirs, files, true
	}
	out, failed := run.once(ctx, to)
	quiet := !always && failed == nil && out.quiet()
	if !quiet && !learned {
		return failed
	}
	after, err := o.look(ctx, program)
	if err == nil && quiet && after.digest == before.digest {
		err = before.runs.Add(before.digest)
	}
	if err == nil && learned {
		err = before.keep(after)
	}
	if err != nil {
		fmt.Fprintln(o.Trace, "batpakgen: the run is not remembered:", err)
	}
	return failed
}

// sight is all that a run depends on at one time.
type sight struct {
	runs     cache.Cache
	settings map[string]string // of the go command
	state    *inputs.State
	program  string        // its digest
	args     []string      // of the run
	digest   inputs.Digest // of all that

	// What the run has learned of export data.
	dirs  []string
	files map[string]string
}

// look looks at all that the run depends on, beside the program.
func (o *options) look(ctx context.Context, program inputs.Digest) (*sight, error) {
	runs, err := cache.Open()
	if err != nil {
		return nil, err
	}
	set, err := inputs.Find(ctx, o.Dir)
	if err != nil {
		return nil, err
	}
	s := &sight{
		runs: runs, settings: set.Settings(), program: hex.EncodeToString(program[:]),
		args: append([]string{o.Dir, o.Tags, strconv.FormatBool(o.NoTests)}, o.Patterns...),
	}
	if s.state, err = set.Read(); err != nil {
		return nil, err
	}
	s.digest, err = s.state.Digest(slices.Concat([]string{s.program}, s.args)...)
	return s, err
}

// exports returns where the export data is that packages in some directories import, if
// nothing but these packages has changed since that was last seen. They may import other
// packages than they did then, as long as these were behind what they did import: a path
// means one package in all of a build.
func (s *sight) exports(dirs, imports []string) map[string]string {
	var files map[string]string
	place, state, err := s.rest(dirs)
	if err != nil || !s.runs.Recall(place, state, &files) {
		return nil
	}
	if slices.ContainsFunc(imports, func(path string) bool { return files[path] == "" && path != "unsafe" }) {
		return nil
	}
	return files
}

// keep remembers what a run has learned, if nothing else has changed until after it.
func (s *sight) keep(after *sight) error {
	place, before, err := s.rest(s.dirs)
	if err != nil {
		return err
	}
	if _, now, err := after.rest(s.dirs); err != nil || now != before {
		return err
	}
	return s.runs.Keep(place, before, s.files)
}

// rest digests what the export data that packages import depends on, all but the
// packages: who asks for it, and the state that it has then.
func (s *sight) rest(dirs []string) (place, state inputs.Digest, err error) {
	asked := slices.Concat([]string{s.program}, s.args, []string{"export data"}, dirs)
	if state, err = s.state.Without(dirs...).Digest(asked...); err != nil {
		return place, state, err
	}
	place, err = new(inputs.State).Digest(slices.Concat(s.args, []string{"export data"})...)
	return place, state, err
}
