package api_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/meetcast/meetcast/auth"
	"github.com/meetcast/meetcast/internal/catalog"
)

var update = flag.Bool("update", false, "write the golden answers anew")

// TestGolden plays the conversations in testdata. A file is a list of exchanges;
// a request has its lines marked ">", the answer below it "<":
//
//	# what it shows
//	> POST /nanomeet
//	> x-bintu-apikey: {key}
//	>
//	> {"room": "r"}
//	< 400
//	< Content-Type: application/json
//	<
//	< {"error": "…"}
//
// What is random is named in the order of its appearance: {id 1}, {name 1}; a
// later request may use the names. A token is shown as its payload and named
// {token 1}. {key}, {key off} and {org} belong to the organisation of the test,
// {key off} to one without nanoMeet; {now+1h} is a date.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := newPlay(t).run(string(want))
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != string(want) {
				t.Errorf("the answers differ; run with -update to see how:\n%s", firstDifference(got, string(want)))
			}
		})
	}
}

func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			return fmt.Sprintf("line %d\n got %s\nwant %s", i+1, g[i], w[i])
		}
	}
	return "one is longer"
}

// play runs one conversation.
type play struct {
	t *testing.T
	r *rig
	// known maps what is random to its name, values the names to it.
	known, values map[string]string
	counts        map[string]int
}

func newPlay(t *testing.T) *play {
	p := &play{t: t, r: newRig(t), known: map[string]string{}, values: map[string]string{}, counts: map[string]int{}}
	p.name("{key}", p.r.key)
	p.name("{org}", p.r.org.ID)
	off, err := p.r.catalog.CreateOrganisation(t.Context(), "Off", false)
	if err != nil {
		t.Fatal(err)
	}
	keyOff, _, err := p.r.catalog.CreateAPIKey(t.Context(), off.ID, "")
	if err != nil {
		t.Fatal(err)
	}
	p.name("{key off}", keyOff)
	p.name("{org off}", off.ID)
	foreign, err := p.r.catalog.CreateStream(t.Context(), off.ID, catalog.NewStream{})
	if err != nil {
		t.Fatal(err)
	}
	p.name("{foreign id}", foreign.ID)
	p.name("{foreign name}", foreign.Name)
	for name, change := range map[string]func(*auth.RoomRequest){
		"{token off}":     func(q *auth.RoomRequest) { q.Organisation = off.ID },
		"{token expired}": func(q *auth.RoomRequest) { q.NotBefore = start.Add(-2 * time.Hour) },
		"{token early}": func(q *auth.RoomRequest) {
			q.NotBefore, q.Expires = start.Add(time.Hour), start.Add(2*time.Hour)
		},
	} {
		p.name(name, p.token(change))
	}
	return p
}

// token makes one that the API itself would not make now.
func (p *play) token(change func(*auth.RoomRequest)) string {
	q := auth.RoomRequest{
		Organisation: p.r.org.ID, Room: "r", StreamName: "AbCdE-12345", Server: "meet.example.com", Moderator: true,
		NotBefore: start, Expires: start.Add(time.Hour),
	}
	change(&q)
	if q.NotBefore.Before(start) { // one that has expired meanwhile
		p.r.clock.Set(q.NotBefore)
		q.Expires = q.NotBefore.Add(time.Hour)
		defer func() { p.r.clock.Set(start) }()
	}
	token, _, err := p.r.tokens.Room(q)
	if err != nil {
		p.t.Fatal(err)
	}
	return token
}

func (p *play) name(name, value string) {
	p.known[value], p.values[name] = name, value
}

// run returns the file with the answers that came.
func (p *play) run(file string) string {
	var out, request []string
	flush := func() {
		if request != nil {
			out = append(out, p.exchange(request)...)
			request = nil
		}
	}
	for line := range strings.Lines(file) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case strings.HasPrefix(line, ">"):
			request = append(request, strings.TrimPrefix(strings.TrimPrefix(line, ">"), " "))
			out = append(out, line)
		case strings.HasPrefix(line, "<"):
			flush()
		case strings.HasPrefix(line, "! "): // something happens
			p.happen(strings.TrimPrefix(line, "! "))
			out = append(out, line)
		default:
			flush()
			out = append(out, line)
		}
	}
	flush()
	return strings.Join(out, "\n") + "\n"
}

// happen is for what no request can do.
func (p *play) happen(what string) {
	verb, name, _ := strings.Cut(what, " ")
	name = p.fill(name)
	switch verb {
	case "live":
		p.r.live[name] = true
	case "record", "finish":
		vod := catalog.VOD{Name: name, File: name + ".mp4"}
		if verb == "finish" {
			vod.Size, vod.Duration, vod.Finished = 123456, 61500*time.Millisecond, start.Add(62*time.Second)
		}
		if err := p.r.catalog.PutVOD(p.t.Context(), name, vod); err != nil {
			p.t.Fatal(err)
		}
	default:
		p.t.Fatalf("cannot %q", what)
	}
}

var placeholder = regexp.MustCompile(`\{(now[+-][0-9a-z]+|[a-z]+( [a-z0-9]+)?)\}`)

// fill puts values where names are.
func (p *play) fill(s string) string {
	return placeholder.ReplaceAllStringFunc(s, func(name string) string {
		if d, ok := strings.CutPrefix(name, "{now"); ok {
			offset, err := time.ParseDuration(strings.TrimSuffix(d, "}"))
			if err != nil {
				p.t.Fatal(err)
			}
			return start.Add(offset).Format("2006-01-02T15:04")
		}
		value, ok := p.values[name]
		if !ok {
			p.t.Fatalf("nothing is named %s", name)
		}
		return value
	})
}

func (p *play) exchange(lines []string) []string {
	method, target, _ := strings.Cut(p.fill(lines[0]), " ")
	head, body := lines[1:], ""
	for i, line := range head {
		if line == "" {
			head, body = head[:i], p.fill(strings.Join(head[i+1:], "\n"))
			break
		}
	}
	for i := range head {
		head[i] = p.fill(head[i])
	}
	return p.show(p.r.do(method, target, body, head...))
}

// show writes an answer in the form of the file.
func (p *play) show(w *httptest.ResponseRecorder) []string {
	out := []string{fmt.Sprintf("< %d", w.Code)}
	for _, name := range []string{"Content-Type", "Allow", "Cache-Control", "Access-Control-Allow-Origin"} {
		if v := w.Header().Get(name); v != "" {
			out = append(out, "< "+name+": "+v)
		}
	}
	if w.Body.Len() == 0 {
		return out
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, w.Body.Bytes(), "", "  "); err != nil {
		p.t.Errorf("answer is no JSON: %s", w.Body)
	}
	out = append(out, "<")
	for line := range strings.Lines(p.hide(strings.TrimSpace(pretty.String()))) {
		out = append(out, "< "+strings.TrimSuffix(line, "\n"))
	}
	return out
}

var random = []struct {
	kind string
	form *regexp.Regexp
}{
	{"token", regexp.MustCompile(`eyJ[\w-]+\.[\w-]+\.[\w-]+`)},
	{"modulus", regexp.MustCompile(`[\w-]{342}`)},
	{"kid", regexp.MustCompile(`[\w-]{43}`)},
	{"id", regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}`)},
	{"name", regexp.MustCompile(`\b[A-Za-z0-9]{5}-[A-Za-z0-9]{5}\b`)},
}

// hide puts names where random values are.
func (p *play) hide(s string) string {
	for value, name := range p.known {
		s = strings.ReplaceAll(s, value, name)
	}
	for _, kind := range random {
		s = kind.form.ReplaceAllStringFunc(s, func(value string) string {
			name, ok := p.known[value]
			if !ok {
				p.counts[kind.kind]++
				name = fmt.Sprintf("{%s %d}", kind.kind, p.counts[kind.kind])
				p.name(name, value)
			}
			if kind.kind == "token" {
				name += " " + p.payload(value)
			}
			return name
		})
	}
	return s
}

// payload shows what a token says; its own id is left out.
func (p *play) payload(token string) string {
	data, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err != nil {
		p.t.Fatal(err)
	}
	text := regexp.MustCompile(`,"jti":"[\w-]{22}"`).ReplaceAllString(string(data), "")
	return strings.ReplaceAll(p.hide(text), `"`, "'")
}
