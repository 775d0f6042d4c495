package testkit

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/meetcast/meetcast/internal/unittest"
)

// rtmpModule is where Debian puts nginx's RTMP module.
const rtmpModule = "/usr/lib/nginx/modules/ngx_rtmp_module.so"

// Nginx is an RTMP server that we did not write: the judge of our pushes. Its
// applications are "live", which relays, and "rec", which also writes FLV files.
type Nginx struct {
	RTMPPort int
	HTTPPort int
	RecDir   string // recordings of application rec

	program string
	dir     string
	p       *process
}

const nginxConf = `load_module %s;
daemon off;
master_process off;
worker_processes 1;
pid nginx.pid;
error_log stderr notice;
events { worker_connections 256; }
rtmp {
	access_log off;
	server {
		listen 127.0.0.1:%d;
		chunk_size 4096;
		# A publisher that only vanished must not keep its name for long.
		timeout 5s;
		application live {
			live on;
			record off;
			wait_key on;
			idle_streams off;
		}
		application rec {
			live on;
			record all;
			record_path %s;
			record_append on;
		}
	}
}
http {
	access_log off;
	client_body_temp_path body;
	proxy_temp_path proxy;
	fastcgi_temp_path fastcgi;
	uwsgi_temp_path uwsgi;
	scgi_temp_path scgi;
	server {
		listen 127.0.0.1:%d;
		location /stat { rtmp_stat all; }
		location /control { rtmp_control all; }
	}
}
`

// StartNginx starts nginx with its RTMP module on free loopback ports, and stops
// it with the test. It skips the test where nginx or the module is missing.
func StartNginx(t testing.TB) *Nginx {
	t.Helper()
	if _, err := os.Stat(rtmpModule); err != nil {
		unittest.Missing(t, "nginx has no RTMP module (Debian: apt-get install libnginx-mod-rtmp)")
	}
	n := &Nginx{program: unittest.Program(t, "nginx-light", "nginx"), RTMPPort: FreePort(t), HTTPPort: FreePort(t), dir: t.TempDir(), p: newProcess(t, "nginx")}
	n.RecDir = filepath.Join(n.dir, "rec")
	// nginx started by root writes as another user.
	for dir, mode := range map[string]os.FileMode{n.dir: 0o755, n.RecDir: 0o777} {
		if err := os.MkdirAll(dir, mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
	}
	conf := fmt.Sprintf(nginxConf, rtmpModule, n.RTMPPort, n.RecDir, n.HTTPPort)
	if err := os.WriteFile(filepath.Join(n.dir, "nginx.conf"), []byte(conf), 0o644); err != nil {
		t.Fatal(err)
	}
	n.Start(t)
	return n
}

// Start starts it again on the same ports after Stop.
func (n *Nginx) Start(t testing.TB) {
	t.Helper()
	if err := n.p.start(os.Environ(), n.program, "-p", n.dir, "-c", "nginx.conf", "-e", "stderr"); err != nil {
		t.Fatal(err)
	}
	Until(t, 10*time.Second, "nginx listens", func() error {
		conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", n.RTMPPort))
		if err != nil {
			return err
		}
		return conn.Close()
	})
}

// Stop ends it at once, as a crash of the ingest would.
func (n *Nginx) Stop() { n.p.kill() }

// URL returns the address of a stream, as in URL("live", "NAME").
func (n *Nginx) URL(app, stream string) string {
	return fmt.Sprintf("rtmp://127.0.0.1:%d/%s/%s", n.RTMPPort, app, stream)
}

// Stat returns nginx's XML about who publishes and plays what.
func (n *Nginx) Stat(ctx context.Context) (string, error) {
	return httpGet(ctx, fmt.Sprintf("http://127.0.0.1:%d/stat", n.HTTPPort))
}

// Log returns nginx's output so far.
func (n *Nginx) Log() string { return n.p.output() }
