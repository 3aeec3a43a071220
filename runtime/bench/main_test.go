package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A run writes what it measured in all forms, leaves nothing behind, and can be
// written anew from one of them.
func TestRun(t *testing.T) {
	dir, to := t.TempDir(), t.TempDir()
	file := func(name string) string { return filepath.Join(to, name) }
	var out, messages bytes.Buffer
	err := run(t.Context(), []string{
		"-drivers", "bat*", "-workloads", "w4,r1/seq", "-rounds", "2", "-window", "1ms", "-events", "1000",
		"-dir", dir, "-markdown", file("a.md"), "-json", file("a.json"), "-svg", file("a.svg"), "-cpuprofile", file("a.prof"),
	}, &out, &messages)
	if err != nil {
		t.Fatalf("%v\n%s", err, &messages)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if err := run(t.Context(), []string{"-from", file("a.json")}, &out, &messages); err != nil {
		t.Fatal(err)
	}
	first, err := os.ReadFile(file("a.md"))
	if err != nil || string(first) != out.String() {
		t.Errorf("written anew:\n%s\nat first (%v):\n%s", &out, err, first)
	}
	for _, want := range []string{"W4", "get by sequence", "| batpak |", "2 cores"[1:]} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the tables do not say %q:\n%s", want, &out)
		}
	}
	for _, name := range []string{"a.svg", "a.prof"} {
		if info, err := os.Stat(file(name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
}

func TestRefuses(t *testing.T) {
	for _, args := range [][]string{
		{"-drivers", "nobody"},
		{"-rounds", "0"},
		{"-events", "1500"},
		{"-payload", "5"},
		{"an argument"},
		{"-from", "no such file"},
		{"child"},
		{"child", "open", "-driver", "nobody"},
		{"child", "dance", "-driver", "batpak", "-entities", "1", "-payload", "64"},
	} {
		if err := run(t.Context(), args, new(bytes.Buffer), new(bytes.Buffer)); err == nil {
			t.Errorf("run(%q) = nil, want an error", args)
		}
	}
}

func TestLists(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), []string{"-list"}, &out, new(bytes.Buffer)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"batpak ", "ref-log ", "raw "} {
		if !strings.Contains(out.String(), name) {
			t.Errorf("-list does not say %q:\n%s", name, &out)
		}
	}
}
