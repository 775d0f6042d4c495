package transport

import (
	"context"
	"crypto/tls"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/ice/v4"
	"github.com/pion/srtp/v3"
)

// far is a browser's side made of pion's parts: a full ICE agent, dtls, srtp.
type far struct {
	agent     *ice.Agent
	conn      *ice.Conn
	cert      tls.Certificate
	profile   srtp.ProtectionProfile
	dtls      *dtls.Conn
	in, out   *srtp.Context
	inControl *srtp.Context

	lose    atomic.Int32 // how many of our last flights are lost on the way
	records chan []byte  // for dtls
	media   chan []byte  // encrypted
	closing sync.Once
	closed  chan struct{}
}

// farConfig is how a far peer differs from the usual one.
type farConfig struct {
	network  ice.NetworkType
	client   bool // we begin the DTLS handshake
	profiles []dtls.SRTPProtectionProfile
	wrong    bool // says the fingerprint of another certificate
}

// newFar makes an agent and tells the connection about it.
func newFar(t testing.TB, c *Conn, cfg farConfig) *far {
	t.Helper()
	if cfg.network == 0 {
		cfg.network = ice.NetworkTypeUDP4
	}
	agent, err := ice.NewAgentWithOptions(ice.WithNetworkTypes([]ice.NetworkType{cfg.network}), ice.WithIncludeLoopback(),
		ice.WithMulticastDNSMode(ice.MulticastDNSModeDisabled), ice.WithCandidateTypes([]ice.CandidateType{ice.CandidateTypeHost}),
		ice.WithInterfaceFilter(func(n string) bool { return n == "lo" }), ice.WithLoggerFactory(quiet),
		ice.WithKeepaliveInterval(100*time.Millisecond), ice.WithCheckInterval(20*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	f := &far{agent: agent, records: make(chan []byte, 64), media: make(chan []byte, 4096), closed: make(chan struct{})}
	t.Cleanup(f.close)
	if f.cert, err = NewCertificate(); err != nil {
		t.Fatal(err)
	}
	f.tell(t, c, cfg)
	return f
}

// tell is the offer.
func (f *far) tell(t testing.TB, c *Conn, cfg farConfig) {
	t.Helper()
	ufrag, pwd, err := f.agent.GetLocalUserCredentials()
	if err != nil {
		t.Fatal(err)
	}
	cert := f.cert
	if cfg.wrong {
		if cert, err = NewCertificate(); err != nil {
			t.Fatal(err)
		}
	}
	value, _ := fingerprint("sha-256", cert.Certificate[0])
	r := Remote{Ufrag: ufrag, Pwd: pwd, Fingerprints: []Fingerprint{{"sha-256", value}}}
	if cfg.client {
		r.DTLSRole = Client
	}
	if err := c.SetRemote(r); err != nil {
		t.Fatal(err)
	}
}

// reach adds the port's candidate.
func (f *far) reach(t testing.TB, p *Port, network string) {
	t.Helper()
	text := "1 1 udp 2130706431 127.0.0.1 " + strconv.Itoa(p.number()) + " typ host"
	if network == "tcp" {
		text = "1 1 tcp 1671430143 127.0.0.1 " + strconv.Itoa(p.number()) + " typ host tcptype passive"
	}
	candidate, err := ice.UnmarshalCandidate(text)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.agent.AddRemoteCandidate(candidate); err != nil {
		t.Fatal(err)
	}
}

// dial connects ICE.
func (f *far) dial(t testing.TB, p *Port, c *Conn, network string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := f.agent.OnCandidate(func(ice.Candidate) {}); err != nil {
		t.Fatal(err)
	}
	f.reach(t, p, network)
	if err := f.agent.GatherCandidates(); err != nil {
		t.Fatal(err)
	}
	var err error
	local := c.Local()
	if f.conn, err = f.agent.Dial(ctx, local.Ufrag, local.Pwd); err != nil {
		t.Fatal(err)
	}
	go f.read()
}

// read sorts what comes.
func (f *far) read() {
	buf := make([]byte, 2048)
	for {
		n, err := f.conn.Read(buf)
		if err != nil {
			return
		}
		to := f.media
		if classify(buf[:n]) == kindDTLS {
			if losing(buf[:n], &f.lose) {
				continue
			}
			to = f.records
		}
		select {
		case to <- append([]byte(nil), buf[:n]...):
		case <-f.closed:
			return
		}
	}
}

// farRecords is the net.PacketConn of the far dtls.
type farRecords struct {
	*handshakeConn
	f *far
}

func (r farRecords) ReadFrom(p []byte) (int, net.Addr, error) {
	select {
	case b := <-r.f.records:
		return copy(p, b), r.LocalAddr(), nil
	case <-r.closed:
		return 0, nil, net.ErrClosed
	case <-r.late.Done():
		return 0, nil, context.DeadlineExceeded
	}
}

func (r farRecords) WriteTo(p []byte, _ net.Addr) (int, error) { return r.f.conn.Write(p) }

// secure does the DTLS handshake and makes the SRTP contexts.
func (f *far) secure(t testing.TB, cfg farConfig) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if cfg.profiles == nil {
		cfg.profiles = []dtls.SRTPProtectionProfile{dtls.SRTP_AES128_CM_HMAC_SHA1_80, dtls.SRTP_AEAD_AES_128_GCM}
	}
	options := []dtls.Option{dtls.WithCertificates(f.cert), dtls.WithInsecureSkipVerify(true), dtls.WithLoggerFactory(quiet),
		dtls.WithSRTPProtectionProfiles(cfg.profiles...), dtls.WithFlightInterval(100 * time.Millisecond)}
	var err error
	records := farRecords{newHandshakeConn(nil), f}
	if cfg.client {
		list := []dtls.ServerOption{dtls.WithClientAuth(dtls.RequireAnyClientCert)}
		for _, o := range options {
			list = append(list, o)
		}
		f.dtls, err = dtls.ServerWithOptions(records, records.LocalAddr(), list...)
	} else {
		var list []dtls.ClientOption
		for _, o := range options {
			list = append(list, o)
		}
		f.dtls, err = dtls.ClientWithOptions(records, records.LocalAddr(), list...)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := f.dtls.HandshakeContext(ctx); err != nil {
		return err
	}
	selected, _ := f.dtls.SelectedSRTPProtectionProfile()
	f.profile = srtp.ProtectionProfile(selected)
	state, _ := f.dtls.ConnectionState()
	keys := &srtp.Config{Profile: f.profile}
	if err := keys.ExtractSessionKeysFromDTLS(&state, !cfg.client); err != nil {
		t.Fatal(err)
	}
	k := keys.Keys
	f.out = pionContext(t, k.LocalMasterKey, k.LocalMasterSalt, f.profile)
	f.in = pionContext(t, k.RemoteMasterKey, k.RemoteMasterSalt, f.profile)
	f.inControl = pionContext(t, k.RemoteMasterKey, k.RemoteMasterSalt, f.profile)
	return nil
}

func pionContext(t testing.TB, key, salt []byte, p srtp.ProtectionProfile) *srtp.Context {
	t.Helper()
	c, err := srtp.CreateContext(key, salt, p, srtp.SRTPReplayProtection(256))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// sendRTP encrypts and sends.
func (f *far) sendRTP(t testing.TB, packet []byte) {
	t.Helper()
	b, err := f.out.EncryptRTP(nil, packet, nil)
	if err != nil {
		t.Fatal(err)
	}
	f.send(t, b)
}

func (f *far) sendRTCP(t testing.TB, packet []byte) {
	t.Helper()
	b, err := f.out.EncryptRTCP(nil, packet, nil)
	if err != nil {
		t.Fatal(err)
	}
	f.send(t, b)
}

func (f *far) send(t testing.TB, b []byte) {
	t.Helper()
	if _, err := f.conn.Write(b); err != nil {
		t.Fatal(err)
	}
}

// receive returns the next packet, decrypted.
func (f *far) receive(t testing.TB) []byte {
	t.Helper()
	select {
	case b := <-f.media:
		var err error
		if classify(b) == kindRTCP {
			b, err = f.inControl.DecryptRTCP(nil, b, nil)
		} else {
			b, err = f.in.DecryptRTP(nil, b, nil)
		}
		if err != nil {
			t.Fatal(err)
		}
		return b
	case <-time.After(5 * time.Second):
		t.Fatal("no packet came")
		return nil
	}
}

func (f *far) close() {
	f.closing.Do(func() {
		close(f.closed)
		if f.dtls != nil {
			_ = f.dtls.Close()
		}
		_ = f.agent.Close()
	})
}

// connect makes a peer on a new connection and waits until both are connected.
func connect(t testing.TB, p *Port, cfg farConfig) (*Conn, *recorder, *far) {
	t.Helper()
	c, r := newTestConn(t, p)
	network := "udp"
	if cfg.network.IsTCP() {
		network = "tcp"
	}
	f := newFar(t, c, cfg)
	f.dial(t, p, c, network)
	if err := f.secure(t, cfg); err != nil {
		t.Fatal(err)
	}
	r.waitState(t, Connected)
	return c, r, f
}
