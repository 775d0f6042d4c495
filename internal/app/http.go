package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/meetcast/meetcast/egress/live"
	"github.com/meetcast/meetcast/egress/vod"
	"github.com/meetcast/meetcast/frontend"
	"github.com/meetcast/meetcast/internal/door"
	"github.com/meetcast/meetcast/signaling"
	"github.com/meetcast/meetcast/signaling/api"
	"github.com/meetcast/meetcast/signaling/wire"
	"github.com/meetcast/meetcast/signaling/ws"
)

// headerTimeout and idleTimeout close connections that only cost memory. There
// is no write timeout: recordings and live segments take as long as they take.
const (
	headerTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute
	closeTimeout  = 5 * time.Second
)

func (a *App) startSignaling(context.Context) error {
	a.signal = signaling.New(signaling.Config{
		Rooms:    a.rooms,
		Verifier: verifier{a.tokens},
		Peers:    peers{a.engine},
		Broadcaster: broadcaster{
			manager: a.egress, links: a.links(), defaultDestination: a.defaultDestination,
		},
		// The page comes from here; its token is what counts, not its origin.
		Socket:        ws.Config{Origins: []string{"*"}},
		ICEServers:    a.iceServers(),
		Relays:        a.relays,
		MaxUnjoined:   a.cfg.Rooms.MaxUnjoinedPerIP,
		VideoCodec:    a.cfg.Rooms.VideoCodec,
		AudioSlots:    a.cfg.Rooms.AudioSlots,
		MaxVideoSlots: a.cfg.Rooms.MaxVideoSlots,
		Logger:        a.log.With("part", "signaling"),
	})
	a.onClose("signaling", a.signal.Close)
	return nil
}

func (a *App) links() links {
	port := a.ingestPort()
	l := links{publicURL: a.cfg.HTTP.PublicURL, rtmpHost: fmt.Sprintf(":%d", port)}
	if l.publicURL != "" {
		l.rtmpHost = net.JoinHostPort(hostname(l.publicURL), fmt.Sprint(port))
	}
	return l
}

// routes decides which part answers a request.
func (a *App) routes() http.Handler {
	endpoints := api.New(api.Config{
		Organisations: a.catalog, Streams: a.catalog, Tokens: a.tokens,
		Links:   api.Links{PublicURL: a.cfg.HTTP.PublicURL, TrustForwarded: true, RTMPPort: a.ingestPort()},
		Live:    func(name string) bool { return a.live.Info(name).State == "live" },
		Origins: a.cfg.HTTP.CORSOrigins,
		Ready:   map[string]func(context.Context) error{"store": a.store.Ready},
		Logger:  a.log.With("part", "api"),
	})
	mux := http.NewServeMux()
	mux.Handle(wire.Path, a.signal)
	mux.Handle("/playout/", live.Handler(a.live))
	mux.Handle("/whip/", a.doors)
	mux.Handle("/whep/", a.doors)
	mux.Handle("/vod/", vod.Handler(a.vods))
	mux.Handle("/metrics", a.metricsHandler())
	pages := frontend.Handler()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if endpoints.Owns(r.URL.Path) {
			endpoints.ServeHTTP(w, r)
			return
		}
		pages.ServeHTTP(w, r)
	})
	return trustProxies(parseProxies(a.cfg.HTTP.TrustedProxies), mux)
}

// server is the HTTP listener and the goroutine that serves it.
type server struct {
	http   *http.Server
	addr   net.Addr
	failed chan error // one error, when serving ends by itself
	done   chan struct{}
}

func (a *App) startHTTP(context.Context) error {
	l, err := net.Listen("tcp", a.cfg.HTTP.Address)
	if err != nil {
		return fmt.Errorf("listen on http.address %s: %w", a.cfg.HTTP.Address, err)
	}
	s := &server{
		http: &http.Server{
			Handler: a.routes(), ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout,
			ErrorLog: slog.NewLogLogger(a.log.Handler(), slog.LevelDebug),
		},
		addr: l.Addr(), failed: make(chan error, 1), done: make(chan struct{}),
	}
	// Pages and TURN share the port; see package door.
	var relay func(net.Conn)
	if a.relay != nil && a.cfg.TURN.ShareHTTP {
		relay = a.relay.Serve
	}
	s.http.TLSConfig = a.webTLS
	entrance := door.New(l, a.webTLS, relay)
	go func() {
		defer close(s.done)
		if err := s.http.Serve(entrance); !errors.Is(err, http.ErrServerClosed) {
			s.failed <- fmt.Errorf("serve http: %w", err)
		}
	}()
	a.http = s
	a.onClose("http", s.close)
	return nil
}

// close stops listening and lets answers under way finish for a moment. Sockets
// of pages and players are not the HTTP server's; their owners close them.
func (s *server) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	err := s.http.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = s.http.Close()
	}
	<-s.done
	return err
}
