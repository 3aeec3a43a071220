//go:build unix

package batpak_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// childEnv names, to the test binary run again as another process, what it is to
// be. Its arguments are the role's own.
const childEnv = "BATPAK_TEST_CHILD"

// runChild plays the role that the environment names, and does not return then.
func runChild() {
	role, ok := os.LookupEnv(childEnv)
	if !ok {
		return
	}
	play := map[string]func(args []string) error{
		"racer": race, "sleeper": sleep, "parent": bear, "image": becomeSleeper, "killed": liveUntilKilled, "starved": liveUntilStarved, "limited": liveWithinLimits,
	}[role]
	if err := play(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, role+":", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// child is another process that plays a role and is spoken to in lines.
type child struct {
	t   *testing.T
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func startChild(t *testing.T, role string, args ...string) *child {
	t.Helper()
	return startChildThatTells(t, os.Stderr, role, args...)
}

// startChildThatTells starts a child that writes its errors somewhere.
func startChildThatTells(t *testing.T, errors io.Writer, role string, args ...string) *child {
	t.Helper()
	c := &child{t: t, cmd: childCommand(role, args...)}
	c.cmd.Stderr = errors
	var err error
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.out = bufio.NewReaderSize(out, 1<<16)
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.kill)
	return c
}

func childCommand(role string, args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), childEnv+"="+role)
	return cmd
}

// kill ends the process at once and waits until it is gone. It may be gone already.
func (c *child) kill() {
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait()
}

// tell sends a line.
func (c *child) tell(format string, args ...any) {
	c.t.Helper()
	if _, err := fmt.Fprintf(c.in, format+"\n", args...); err != nil {
		c.t.Fatalf("tell the other process: %v", err)
	}
}

// hear returns the next line, or false at the end.
func (c *child) hear() (line string, ok bool) {
	line, err := c.out.ReadString('\n')
	return strings.TrimSuffix(line, "\n"), err == nil
}

// ask sends a line and returns the answer.
func (c *child) ask(format string, args ...any) string {
	c.t.Helper()
	c.tell(format, args...)
	return c.must()
}

// must returns the next line, which there must be.
func (c *child) must() string {
	c.t.Helper()
	line, ok := c.hear()
	if !ok {
		c.t.Fatal("the other process has ended")
	}
	return line
}

// say is how a child speaks: in one write, so that a line is there or not.
func say(format string, args ...any) {
	_, _ = os.Stdout.WriteString(fmt.Sprintf(format, args...) + "\n")
}

// sleep says that it is there and waits for the end of its input.
func sleep([]string) error {
	say("asleep")
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

// lines calls do with each line of the input.
func lines(do func(line string) error) error {
	in := bufio.NewReader(os.Stdin)
	for {
		line, err := in.ReadString('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := do(strings.TrimSuffix(line, "\n")); err != nil {
			return err
		}
	}
}
