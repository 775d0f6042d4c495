package live

import (
	"net/http"
	"strings"
	"time"

	"github.com/meetcast/meetcast/egress/media"
	"github.com/meetcast/meetcast/egress/mp4"
	"github.com/meetcast/meetcast/internal/httpjson"
)

// Info describes a programme: the answer to GET /playout/{name}.
type Info struct {
	Name  string     `json:"name"`
	State string     `json:"state"` // "live" or "offline"
	WS    string     `json:"ws"`
	HLS   string     `json:"hls"`
	WHEP  string     `json:"whep,omitempty"` // while it is live and can be watched so
	Video *VideoInfo `json:"video,omitempty"`
	Audio *AudioInfo `json:"audio,omitempty"`
	// At is the server's clock, Unix milliseconds.
	At int64 `json:"at"`
	// Viewers now, by whatever means.
	Viewers int      `json:"viewers"`
	VODs    []string `json:"vods,omitempty"`
}

// VideoInfo describes the picture.
type VideoInfo struct {
	Codec  string `json:"codec"`
	Width  int    `json:"width"`
	Height int    `json:"height"`
	FPS    int    `json:"fps"`
}

// AudioInfo describes the sound.
type AudioInfo struct {
	Codec string `json:"codec"`
}

func describe(p media.Params) Info {
	info := Info{}
	if v := p.Video; v != nil {
		info.Video = &VideoInfo{Codec: mp4.Codecs(media.Params{Video: v}), Width: v.Width, Height: v.Height, FPS: v.FPS}
	}
	if a := p.Audio; a != nil {
		info.Audio = &AudioInfo{Codec: mp4.Codecs(media.Params{Audio: a})}
	}
	return info
}

// Info returns what GET /playout/{name} answers.
func (h *Hub) Info(name string) Info {
	info := Info{}
	h.mu.Lock()
	p := h.programmes[name]
	h.mu.Unlock()
	if p != nil {
		st := p.stats()
		p.mu.Lock()
		if p.gen != nil {
			info = p.gen.info
			info.State = "live"
		}
		p.mu.Unlock()
		info.Viewers = st.all()
	}
	if info.State == "" {
		info.State = "offline"
	}
	base := "/playout/" + name
	info.Name, info.WS, info.HLS = name, base+"/ws", base+"/hls/index.m3u8"
	if h.cfg.WHEP != nil && h.cfg.WHEP(name) {
		info.WHEP = "/whep/" + name
	}
	info.At = time.Now().UnixMilli()
	if h.cfg.VODs != nil {
		info.VODs = h.cfg.VODs(name)
	}
	return info
}

// Handler serves everything under /playout/ to pages of any origin.
func Handler(h *Hub) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /playout/{name}", h.named(func(w http.ResponseWriter, _ *http.Request, name string) {
		w.Header().Set("Cache-Control", "no-store")
		_ = httpjson.Write(w, http.StatusOK, h.Info(name)) // plain data has a JSON form
	}))
	mux.HandleFunc("GET /playout/{name}/ws", h.named(h.watch))
	mux.HandleFunc("GET /playout/{name}/hls/{file}", h.named(h.serveHLS))
	mux.HandleFunc("/playout/", func(w http.ResponseWriter, r *http.Request) {
		switch r.Method {
		case http.MethodGet, http.MethodHead:
			httpjson.Error(w, http.StatusNotFound, "not found", "There is no such playout address.")
		default:
			w.Header().Set("Allow", "GET, OPTIONS")
			httpjson.Error(w, http.StatusMethodNotAllowed, "method not allowed", "Playout can only be read.")
		}
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		if r.Method == http.MethodOptions {
			w.Header().Set("Access-Control-Allow-Methods", "GET, HEAD")
			w.Header().Set("Access-Control-Allow-Headers", "Range, Content-Type")
			w.WriteHeader(http.StatusNoContent)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// named checks the name in the path.
func (h *Hub) named(next func(http.ResponseWriter, *http.Request, string)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		name := r.PathValue("name")
		if !nameRule.MatchString(name) {
			httpjson.Error(w, http.StatusBadRequest, "bad stream name", "A stream name has letters, digits, - and _ only.")
			return
		}
		if !h.known(name) {
			httpjson.Error(w, http.StatusNotFound, "no such stream", "There is no stream of this name. Check the link.")
			return
		}
		next(w, r, name)
	}
}

// known tells whether a name is somebody's stream; one that is played out is.
func (h *Hub) known(name string) bool {
	h.mu.Lock()
	p := h.programmes[name]
	h.mu.Unlock()
	return p != nil || h.cfg.Known == nil || h.cfg.Known(name)
}

func (h *Hub) serveHLS(w http.ResponseWriter, r *http.Request, name string) {
	h.mu.Lock()
	p := h.programmes[name]
	h.mu.Unlock()
	var m *hls
	if p != nil {
		// Only a playlist starts HLS: a player that asks for an old segment
		// would get nothing from a new muxer.
		if strings.HasSuffix(r.PathValue("file"), ".m3u8") {
			m = p.startHLS()
		} else {
			p.mu.Lock()
			m = p.hls
			p.mu.Unlock()
		}
	}
	if m == nil {
		w.Header().Set("Retry-After", "2")
		httpjson.Error(w, http.StatusNotFound, "offline", "Nothing is broadcast under this name at the moment.")
		return
	}
	m.serve(w, r)
}
