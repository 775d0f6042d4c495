// Package configs reads the server's configuration: reference.yaml, which
// documents every key and is the embedded default, then the operator's file,
// then the environment.
package configs

import (
	_ "embed"
	"time"
)

// Reference is the documented default configuration.
//
//go:embed reference.yaml
var Reference []byte

// Config is the whole configuration. What each key means, its unit and its
// default are documented in reference.yaml.
type Config struct {
	DataDir   string    `yaml:"data_dir"`
	Log       Log       `yaml:"log"`
	HTTP      HTTP      `yaml:"http"`
	RTC       RTC       `yaml:"rtc"`
	TURN      TURN      `yaml:"turn"`
	Rooms     Rooms     `yaml:"rooms"`
	Broadcast Broadcast `yaml:"broadcast"`
	Ingest    Ingest    `yaml:"ingest"`
	Playout   Playout   `yaml:"playout"`
	Recording Recording `yaml:"recording"`
	Store     Store     `yaml:"store"`
}

// Log says what is logged and how.
type Log struct {
	Level  string `yaml:"level"`
	Format string `yaml:"format"`
}

// HTTP is where pages, API and signaling are served.
type HTTP struct {
	Address        string   `yaml:"address"`
	PublicURL      string   `yaml:"public_url"`
	TrustedProxies []string `yaml:"trusted_proxies"`
	CORSOrigins    []string `yaml:"cors_origins"`
	MetricsAllow   []string `yaml:"metrics_allow"`
	TLSCert        string   `yaml:"tls_cert"`
	TLSKey         string   `yaml:"tls_key"`
	ACMEHosts      []string `yaml:"acme_hosts"`
}

// RTC is the media port and how browsers find it.
type RTC struct {
	Port          int         `yaml:"port"`
	TCP           bool        `yaml:"tcp"`
	AdvertisedIPs []string    `yaml:"advertised_ips"`
	Loopback      bool        `yaml:"loopback"`
	ICEServers    []ICEServer `yaml:"ice_servers"`
}

// ICEServer is one STUN or TURN server given to browsers.
type ICEServer struct {
	URLs       []string `yaml:"urls"`
	Username   string   `yaml:"username"`
	Credential string   `yaml:"credential"`
}

// TURN is the relay for browsers that cannot reach the media port.
type TURN struct {
	Enabled        bool          `yaml:"enabled"`
	Address        string        `yaml:"address"`
	TLSAddress     string        `yaml:"tls_address"`
	TLSCert        string        `yaml:"tls_cert"`
	TLSKey         string        `yaml:"tls_key"`
	ShareHTTP      bool          `yaml:"share_http"`
	Host           string        `yaml:"host"`
	CredentialTTL  time.Duration `yaml:"credential_ttl"`
	MaxAllocations int           `yaml:"max_allocations"`
	MaxPerUser     int           `yaml:"max_per_user"`
	MaxPerIP       int           `yaml:"max_per_ip"`
}

// Rooms bounds the rooms.
type Rooms struct {
	MaxRooms      int           `yaml:"max_rooms"`
	MaxMembers    int           `yaml:"max_members"`
	AudioSlots    int           `yaml:"audio_slots"`
	MaxVideoSlots int           `yaml:"max_video_slots"`
	ResumeGrace   time.Duration `yaml:"resume_grace"`

	MaxUnjoinedPerIP int    `yaml:"max_unjoined_per_ip"`
	VideoCodec       string `yaml:"video_codec"`
}

// Broadcast is how rooms are composed and where they may be pushed.
type Broadcast struct {
	FFmpeg             string            `yaml:"ffmpeg"`
	Width              int               `yaml:"width"`
	Height             int               `yaml:"height"`
	FPS                int               `yaml:"fps"`
	VideoKbps          int               `yaml:"video_kbps"`
	AudioKbps          int               `yaml:"audio_kbps"`
	Encoder            string            `yaml:"encoder"`
	MaxBroadcasts      int               `yaml:"max_broadcasts"`
	EmptyTimeout       time.Duration     `yaml:"empty_timeout"`
	AllowDestinations  []string          `yaml:"allow_destinations"`
	DestinationAliases map[string]string `yaml:"destination_aliases"`
	DefaultDestination string            `yaml:"default_destination"`
}

// Ingest is the embedded RTMP server.
type Ingest struct {
	Address        string `yaml:"address"`
	MaxConnections int    `yaml:"max_connections"`
}

// Playout bounds the viewers.
type Playout struct {
	MaxViewers int `yaml:"max_viewers"`
}

// Recording is where recordings go.
type Recording struct {
	Dir string `yaml:"dir"`
}

// Store is where state is kept.
type Store struct {
	NATSURL string `yaml:"nats_url"`
}
