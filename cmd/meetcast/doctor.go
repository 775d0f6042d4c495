package main

import (
	"context"
	"os"

	"github.com/meetcast/meetcast/internal/doctor"
)

// doctorCmd looks at the machine as serve would use it, or at a server from
// outside as browsers do.
type doctorCmd struct {
	configFlag
	URL       string `arg:"" optional:"" help:"A server, or the link to a room: look at it from outside. Without: at this machine."`
	Token     string `help:"Token of a room: join it for a moment and try every way that browsers are told." env:"MEETCAST_TOKEN" placeholder:"TOKEN"`
	MediaPort int    `help:"Media port to try without a token." default:"10000"`
	TURNPort  int    `name:"turn-port" help:"TURN port to try without a token." default:"3478"`
	Insecure  bool   `help:"Take any certificate."`
}

// Run prints the findings; a failed check ends with status 1.
func (c *doctorCmd) Run() error {
	findings, err := c.look()
	if err != nil {
		return err
	}
	if doctor.Write(os.Stdout, findings) == doctor.Failure {
		return exitError(1)
	}
	return nil
}

func (c *doctorCmd) look() ([]doctor.Finding, error) {
	if c.URL != "" {
		return doctor.RunRemote(context.Background(), doctor.Remote{
			URL: c.URL, Token: c.Token, MediaPort: c.MediaPort, TURNPort: c.TURNPort, Insecure: c.Insecure,
		}), nil
	}
	cfg, err := c.load()
	if err != nil {
		return nil, err
	}
	local := doctor.Config{
		DataDir:       cfg.DataDir,
		HTTPAddress:   cfg.HTTP.Address,
		PublicURL:     cfg.HTTP.PublicURL,
		TLS:           cfg.HTTP.TLSCert != "" || len(cfg.HTTP.ACMEHosts) > 0,
		RTCPort:       cfg.RTC.Port,
		RTCTCP:        cfg.RTC.TCP,
		AdvertisedIPs: cfg.RTC.AdvertisedIPs,
		IngestAddress: cfg.Ingest.Address,
		FFmpeg:        cfg.Broadcast.FFmpeg,
		Encoder:       cfg.Broadcast.Encoder,
	}
	if cfg.TURN.Enabled {
		local.TURNAddress = cfg.TURN.Address
		if local.TLS || cfg.TURN.TLSCert != "" {
			local.TURNTLSAddress = cfg.TURN.TLSAddress
		}
	}
	return doctor.Run(context.Background(), local), nil
}
