package report

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// WriteText prints the report for people.
func (r *Report) WriteText(w io.Writer) error {
	var b strings.Builder
	r.summary(&b)
	r.authors(&b)
	r.directories(&b)
	r.file(&b)
	r.lineage(&b)
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

// table makes a writer of aligned columns; a cell ends with a tab.
func table(b *strings.Builder, flags uint) *tabwriter.Writer {
	return tabwriter.NewWriter(b, 0, 8, 2, ' ', flags)
}

func (r *Report) summary(b *strings.Builder) {
	t := table(b, 0)
	defer t.Flush()
	c, v := &r.Counts, &r.Verification
	fmt.Fprintf(t, "repository\t%s\n", printable(r.Repository))
	fmt.Fprintf(t, "log\t%s\n", printable(r.Store))
	if c := r.Recovery; c != nil {
		fmt.Fprintf(t, "recovered\tthe log had not been closed: its last %s bytes were written again\n", digits(uint64(c.Rewritten)))
		if c.Cut > 0 {
			fmt.Fprintf(t, "\tan unfinished append of %s bytes was cut off and kept in %s\n", digits(uint64(c.Cut)), c.Lost)
		}
	}
	if r.Appended == 0 {
		fmt.Fprintf(t, "appended\tnothing: all %s and %s are in the log\n", count(r.Commits, "commit"), count(r.Tags, "tag"))
	} else {
		fmt.Fprintf(t, "appended\t%s for %s, in %s, of which %s waiting for git: %s commits/s, %s events/s\n",
			count(r.Appended, "event"), count(r.Recorded, "commit"), took(r.Rates.RecordSeconds), took(r.Rates.GitSeconds),
			round(r.Rates.CommitsPerSecond), round(r.Rates.EventsPerSecond))
	}
	fmt.Fprintf(t, "contents\t%s (%s) from %s, %s in %s, %s by %s\n",
		count(c.Commits, "commit"), count(c.Merges, "merge"), count(c.Roots, "root"),
		count(c.FileChanges, "change"), count(c.Files, "file"), count(c.TagMoves, "tag"), count(c.Authors, "author"))
	fmt.Fprintf(t, "size\t%s, %s MB on disk, %.0f bytes each; reopened in %s\n",
		count(r.Events, "event"), strconv.FormatFloat(float64(r.Rates.Bytes)/1e6, 'f', 1, 64), r.Rates.BytesPerEvent, took(r.Rates.ReopenSeconds))
	verdict := "sound"
	if !r.Verified {
		verdict = "DAMAGED"
	}
	fmt.Fprintf(t, "verified\t%s: %s in %s and %s, in %s: %.0f MB/s\n", verdict,
		count(v.Events, "event"), count(v.Streams, "stream"), count(v.Segments, "segment"), took(v.Seconds), v.MBPerSecond)
	for _, d := range v.Damages {
		fmt.Fprintf(t, "\t%s\n", printable(d))
	}
}

func (r *Report) authors(b *strings.Builder) {
	if len(r.Authors) == 0 {
		return
	}
	fmt.Fprintf(b, "\nauthors with the most commits\n")
	t := table(b, tabwriter.AlignRight)
	defer t.Flush()
	fmt.Fprintf(t, "commits\tmerges\tadded\tdeleted\t  author\n")
	for _, a := range r.Authors {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t  %s <%s>\n",
			digits(a.Commits), digits(a.Merges), digits(a.Added), digits(a.Deleted), printable(a.Name), a.ID)
	}
}

func (r *Report) directories(b *strings.Builder) {
	if len(r.Directories) == 0 {
		return
	}
	fmt.Fprintf(b, "\ndirectories with the most churn\n")
	t := table(b, tabwriter.AlignRight)
	defer t.Flush()
	fmt.Fprintf(t, "changes\tadded\tdeleted\t  directory\n")
	for _, d := range r.Directories {
		fmt.Fprintf(t, "%s\t%s\t%s\t  %s\n", digits(d.Changes), digits(d.Added), digits(d.Deleted), printable(d.Name))
	}
}

func (r *Report) file(b *strings.Builder) {
	if r.File == nil {
		return
	}
	fmt.Fprintf(b, "\nthe file with the most changes: %s, %s\n", printable(r.File.Path), count(r.File.Changes, "change"))
	t := table(b, tabwriter.AlignRight)
	defer t.Flush()
	fmt.Fprintf(t, "added\tdeleted\tcommit\t  latest first\n")
	for _, c := range r.File.Latest {
		fmt.Fprintf(t, "%s\t%s\t%.10s\t  %s %s\n", digits(c.Added), digits(c.Deleted), c.Commit, c.At.Format(time.DateOnly), printable(c.Subject))
	}
}

func (r *Report) lineage(b *strings.Builder) {
	if r.Lineage == nil {
		return
	}
	l := r.Lineage
	more := ""
	if l.Clipped {
		more = "more than "
	}
	fmt.Fprintf(b, "\nthe way back from %.10s, cause by cause, is %s long and ends at %.10s;\nthat root led to %s%s\n",
		l.Head, count(l.Length, "commit"), l.Root, more, count(l.Effects, "event"))
}

// digits formats n with a comma between groups of three digits.
func digits[N int | uint64](n N) string {
	s := strconv.FormatUint(uint64(n), 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// count is a number with its noun.
func count[N int | uint64](n N, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return digits(n) + " " + noun
}

// round formats a rate.
func round(f float64) string { return digits(uint64(f + 0.5)) }

// took formats seconds.
func took(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	if d < time.Second {
		return d.Round(time.Microsecond * 100).String()
	}
	return d.Round(time.Millisecond * 10).String()
}

// printable is s with the characters replaced that would disturb a terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r >= 0x7F && r < 0xA0 {
			return '\uFFFD'
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}
