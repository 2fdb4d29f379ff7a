package metric

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// sample is one line of the text format, its label values unescaped.
type sample struct {
	name   string
	labels map[string]string
	value  float64
}

// family is what stands between one head and the next.
type family struct {
	name, help, kind string
	samples          []sample
}

var (
	helpLine   = regexp.MustCompile(`^# HELP ([a-z_][a-z0-9_]*) ((?:[^\\]|\\\\|\\n)+)$`)
	typeLine   = regexp.MustCompile(`^# TYPE ([a-z_][a-z0-9_]*) (counter|gauge|histogram|summary)$`)
	sampleLine = regexp.MustCompile(`^([a-z_][a-z0-9_]*)(?:\{(.*)\})? (\S+)$`)
	labelPair  = regexp.MustCompile(`^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\\\|\\"|\\n)*)"(?:, ?|$)`)
	unescape   = strings.NewReplacer(`\\`, `\`, `\n`, "\n", `\"`, `"`)
)

// parseText reads Prometheus' text format as strictly as its description
// allows: every family once, with help text and type ahead of its samples, no
// line twice, nothing that only some readers would take.
func parseText(text string) ([]family, error) {
	if text != "" && !strings.HasSuffix(text, "\n") {
		return nil, errors.New("the last line has no end")
	}
	if !utf8.ValidString(text) {
		return nil, errors.New("not UTF-8")
	}
	var families []family
	seen := map[string]bool{}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for i := 0; i < len(lines); i++ {
		if help := helpLine.FindStringSubmatch(lines[i]); help != nil {
			if seen[help[1]] {
				return nil, fmt.Errorf("line %d: family %s again", i+1, help[1])
			}
			seen[help[1]] = true
			i++
			if i == len(lines) || typeLine.FindStringSubmatch(lines[i]) == nil {
				return nil, fmt.Errorf("line %d: no type after the help text", i+1)
			}
			kind := typeLine.FindStringSubmatch(lines[i])
			if kind[1] != help[1] {
				return nil, fmt.Errorf("line %d: the type of another family", i+1)
			}
			families = append(families, family{name: help[1], help: unescape.Replace(help[2]), kind: kind[2]})
			continue
		}
		s, err := parseSample(lines[i])
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
		id := lines[i][:strings.LastIndexByte(lines[i], ' ')]
		if seen["sample "+id] {
			return nil, fmt.Errorf("line %d: %s again", i+1, id)
		}
		seen["sample "+id] = true
		if len(families) == 0 || !families[len(families)-1].has(s) {
			return nil, fmt.Errorf("line %d: %s stands below the head of another family", i+1, s.name)
		}
		f := &families[len(families)-1]
		f.samples = append(f.samples, s)
	}
	for _, f := range families {
		if err := f.checkHistogram(); err != nil {
			return nil, err
		}
	}
	return families, nil
}

func parseSample(line string) (sample, error) {
	parts := sampleLine.FindStringSubmatch(line)
	if parts == nil {
		return sample{}, fmt.Errorf("%q is no sample", line)
	}
	value, err := strconv.ParseFloat(parts[3], 64)
	if err != nil {
		return sample{}, err
	}
	s := sample{name: parts[1], labels: map[string]string{}, value: value}
	for rest := parts[2]; rest != ""; {
		pair := labelPair.FindStringSubmatch(rest)
		if pair == nil {
			return sample{}, fmt.Errorf("%q are no labels", rest)
		}
		if _, twice := s.labels[pair[1]]; twice {
			return sample{}, fmt.Errorf("label %s twice", pair[1])
		}
		s.labels[pair[1]] = unescape.Replace(pair[2])
		rest = rest[len(pair[0]):]
	}
	return s, nil
}

// has tells whether the sample may stand below the family's head.
func (f *family) has(s sample) bool {
	_, le := s.labels["le"]
	_, quantile := s.labels["quantile"]
	suffix, ours := strings.CutPrefix(s.name, f.name)
	switch f.kind {
	case "histogram":
		return ours && !quantile && (suffix == "_bucket" && le || !le && (suffix == "_sum" || suffix == "_count"))
	case "summary":
		return ours && !le && (suffix == "" && quantile || !quantile && (suffix == "_sum" || suffix == "_count"))
	default:
		return ours && suffix == "" && !le && !quantile
	}
}

// checkHistogram checks that bounds and counts grow up to +Inf and the count.
func (f *family) checkHistogram() error {
	bound, count, open := math.Inf(-1), 0.0, false
	for _, s := range f.samples {
		switch {
		case strings.HasSuffix(s.name, "_bucket"):
			le, err := strconv.ParseFloat(s.labels["le"], 64)
			if err != nil || open && le <= bound || open && s.value < count {
				return fmt.Errorf("%s: bucket %q out of order", f.name, s.labels["le"])
			}
			bound, count, open = le, s.value, true
		case f.kind == "histogram" && strings.HasSuffix(s.name, "_count"):
			if !open || !math.IsInf(bound, 1) || s.value != count {
				return fmt.Errorf("%s: the count is not the last bucket's", f.name)
			}
			open = false
		}
	}
	if open {
		return fmt.Errorf("%s: buckets without a count", f.name)
	}
	return nil
}

func TestParseTextRefuses(t *testing.T) {
	const head = "# HELP a x\n# TYPE a gauge\n"
	const histogramHead = "# HELP h x\n# TYPE h histogram\n"
	for _, c := range []struct{ text, want string }{
		{"a 1\n", "head of another family"},
		{head + "a 1", "last line has no end"},
		{head + "b 1\n", "head of another family"},
		{head + "a 1\na 2\n", "again"},
		{head + "a{b=\"1\"} 1\na{b=\"1\"} 1\n", "again"},
		{head + "a 1\n" + head, "family a again"},
		{"# HELP a x\na 1\n", "no type"},
		{"# HELP a x\n# TYPE b gauge\n", "type of another family"},
		{"# HELP a x\n# TYPE a gage\n", "no type"},
		{"# HELP a \\t\n# TYPE a gauge\n", "is no sample"},
		{head + "a one\n", "invalid syntax"},
		{head + "a 1 2\n", "is no sample"},
		{head + "a{b=\"\\t\"} 1\n", "are no labels"},
		{head + "a{b=\"\"\"} 1\n", "are no labels"},
		{head + "a{b=\"1\",b=\"2\"} 1\n", "label b twice"},
		{head + "a{b=\"\xff\"} 1\n", "not UTF-8"},
		{head + "a{le=\"1\"} 1\n", "head of another family"},
		{head + "a{quantile=\"1\"} 1\n", "head of another family"},
		{head + "\n", "is no sample"},
		{histogramHead + "h 1\n", "head of another family"},
		{histogramHead + "h_bucket{le=\"1\"} 1\nh_sum 1\nh_count 1\n", "not the last bucket's"},
		{histogramHead + "h_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 2\n", "not the last bucket's"},
		{histogramHead + "h_bucket{le=\"2\"} 1\nh_bucket{le=\"1\"} 1\n", "out of order"},
		{histogramHead + "h_bucket{le=\"1\"} 2\nh_bucket{le=\"2\"} 1\n", "out of order"},
		{histogramHead + "h_bucket{le=\"+Inf\"} 1\n", "without a count"},
	} {
		if _, err := parseText(c.text); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: got %v, want %q", c.text, err, c.want)
		}
	}
}
