package check

import (
	"slices"

	"github.com/batpak-go/batpak/schema/diag"
	"github.com/batpak-go/batpak/schema/model"
)

// gateBP402 warns of gates that guard nothing.
func gateBP402(c *checker) {
	for _, g := range c.pkg.Gates {
		used := slices.ContainsFunc(c.pkg.Commands, func(cmd *model.Command) bool {
			return cmd.Broken || slices.Contains(cmd.Gates, g)
		})
		if !used {
			c.warn(g.Pos, "BP402", "gate %s is used by no command", g.Var)
		}
	}
}

// commandBP402 warns of commands that let everything pass.
func commandBP402(c *checker) {
	for _, cmd := range c.pkg.Commands {
		if len(cmd.Gates) == 0 && !cmd.Broken {
			c.warn(cmd.Pos, "BP402", "command %s has no gates and lets every event pass", cmd.Var)
		}
	}
}

// gateBP403: names of gates, which appear in denials and verdicts, are
// well-formed and unique, and a command evaluates a gate once.
func gateBP403(c *checker) {
	names := make(unique[string])
	for _, g := range c.pkg.Gates {
		c.name("BP403", "gate", g.Decl, g.Name, names)
	}
	for _, cmd := range c.pkg.Commands {
		for i, g := range cmd.Gates {
			if slices.Contains(cmd.Gates[:i], g) {
				c.add(given(cmd.Decl, "Gates"), "BP403", "command %s lists gate %s twice", cmd.Var, g.Var)
			}
		}
	}
}

// commandBP405: an event belongs to one command, or one could be used to get
// around the gates of the other.
func commandBP405(c *checker) {
	for _, cmd := range c.pkg.Commands {
		if cmd.Event == nil || cmd.Event.Command == cmd {
			continue
		}
		first := cmd.Event.Command
		c.addRelated(given(cmd.Decl, "Event"), diag.Related{Pos: given(first.Decl, "Event"), Message: "first used here"},
			"BP405", "%s already belongs to command %s", cmd.Event.Var, first.Var)
	}
}

// commandBP406: names of commands are well-formed and unique.
func commandBP406(c *checker) {
	names := make(unique[string])
	for _, cmd := range c.pkg.Commands {
		c.name("BP406", "command", cmd.Decl, cmd.Name, names)
	}
}

// gateBP407: a gate has a function.
func gateBP407(c *checker) {
	for _, g := range c.pkg.Gates {
		if lacks(g.Decl, "Eval") {
			c.add(g.Pos, "BP407", "gate %s needs Eval, the function that judges", g.Var)
		}
	}
}

// gateBP408: the codes of a gate can be told apart, from each other and from those
// of the runtime.
func gateBP408(c *checker) {
	for _, g := range c.pkg.Gates {
		codes := make(unique[string])
		for _, code := range g.Codes {
			first, taken := codes.take(code.Value, holder{g.Var, code.Pos})
			switch {
			case code.Value == "":
				c.add(code.Pos, "BP408", "a denial code of gate %s is empty", g.Var)
			case code.Value == codePanic || code.Value == codeUnnamed:
				c.add(code.Pos, "BP408", "denial code %q of gate %s is the runtime's own", code.Value, g.Var)
			case taken:
				c.addRelated(code.Pos, diag.Related{Pos: first.pos, Message: "first listed here"}, "BP408", "gate %s lists denial code %q twice", g.Var, code.Value)
			}
		}
	}
}

// The codes of denials that the runtime gives, CodePanic and CodeUnnamed.
const (
	codePanic   = "PANIC"
	codeUnnamed = "DENIED"
)

// commandBP407: a command has an event.
func commandBP407(c *checker) {
	for _, cmd := range c.pkg.Commands {
		if lacks(cmd.Decl, "Event") {
			c.add(cmd.Pos, "BP407", "command %s needs Event, the event that it guards", cmd.Var)
		}
	}
}
