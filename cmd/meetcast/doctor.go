package main

import (
	"context"
	"os"

	"github.com/meetcast/meetcast/internal/doctor"
)

// doctorCmd looks at the machine as serve would use it.
type doctorCmd struct {
	configFlag
}

// Run prints the findings; a failed check ends with status 1.
func (c *doctorCmd) Run() error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	findings := doctor.Run(context.Background(), doctor.Config{
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
	})
	if doctor.Write(os.Stdout, findings) == doctor.Failure {
		return exitError(1)
	}
	return nil
}
