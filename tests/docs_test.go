package tests

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	docLink   = regexp.MustCompile(`\]\(([^)#\s]+)`)
	docADR    = regexp.MustCompile(`ADR (\d{4})`)
	docMetric = regexp.MustCompile(`meetcast_([a-z_]+)`) // or the beginning of some, as turn_*
	docKey    = regexp.MustCompile("`(http|rtc|turn|rooms|ingest|broadcast|recording|log)\\.([a-z_]+)`")
	metric    = regexp.MustCompile(`"([a-z_]+)", "`)
)

// TestDocs: what the documents name is there: files, decisions, metrics, settings.
func TestDocs(t *testing.T) {
	decisions := text(t, "../docs/adr/*.md", func(file, _ string) string { return filepath.Base(file)[:4] + "\n" })
	settings := text(t, "../configs/reference.yaml", nil)
	metrics := "\n"
	for _, m := range metric.FindAllStringSubmatch(text(t, "../internal/app/*.go", nil), -1) {
		metrics += m[1] + "\n"
	}
	for _, pattern := range []string{"../README.md", "../docs/*.md", "../docs/adr/*.md"} {
		text(t, pattern, func(file, s string) string {
			for _, m := range docLink.FindAllStringSubmatch(s, -1) {
				if strings.Contains(m[1], "://") {
					continue
				}
				if _, err := os.Stat(filepath.Join(filepath.Dir(file), m[1])); err != nil {
					t.Errorf("%s links to %s, which is not there", file, m[1])
				}
			}
			for _, m := range docADR.FindAllStringSubmatch(s, -1) {
				if !strings.Contains(decisions, m[1]+"\n") {
					t.Errorf("%s names decision %s, which is not there", file, m[1])
				}
			}
			for _, m := range docMetric.FindAllStringSubmatch(s, -1) {
				if !strings.Contains(metrics, "\n"+m[1]) || !strings.HasSuffix(m[1], "_") && !strings.Contains(metrics, "\n"+m[1]+"\n") {
					t.Errorf("%s names the metric %s, which is not there", file, m[0])
				}
			}
			for _, m := range docKey.FindAllStringSubmatch(s, -1) {
				_, section, found := strings.Cut(settings, "\n"+m[1]+":\n")
				if end := regexp.MustCompile(`\n\w`).FindStringIndex(section); end != nil {
					section = section[:end[0]]
				}
				if !found || !strings.Contains(section, "\n  "+m[2]+":") && !strings.HasPrefix(section, "  "+m[2]+":") {
					t.Errorf("%s names the setting %s, which is not there", file, m[0])
				}
			}
			return ""
		})
	}
}

// text joins files, or what f makes of each.
func text(t *testing.T, pattern string, f func(file, s string) string) string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("nothing at %s: %v", pattern, err)
	}
	var all strings.Builder
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		s := string(b)
		if f != nil {
			s = f(file, s)
		}
		all.WriteString(s)
	}
	return all.String()
}
