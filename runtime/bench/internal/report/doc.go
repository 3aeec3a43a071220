// Package report turns the samples of a run into medians, ratios and tables: as
// Markdown, as JSON, and as charts.
//
// Drivers take turns, round by round, because the mood of a shared disk changes by
// the minute. So a ratio of two drivers is the median of the ratios within each
// round, and not the ratio of their medians.
package report
