// Package metrics shows plain counters of packages in the Prometheus text
// format. The packages know nothing of it: internal/app reads their Stats when
// somebody asks.
package metrics

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Namespace begins every name.
const Namespace = "meetcast_"

// Sample is one value at the moment it was read.
type Sample struct {
	// Name without Namespace, with its unit, as in "rtp_received_packets_total".
	Name string
	Help string
	// Value of a counter, whose name ends in _total, or of a gauge.
	Value float64
	// Labels are pairs of name and value.
	Labels [][2]string
}

// Handler serves what read emits, and what Go tells of the process.
func Handler(read func(emit func(Sample))) http.Handler {
	r := prometheus.NewRegistry()
	r.MustRegister(collector(read), collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return promhttp.HandlerFor(r, promhttp.HandlerOpts{})
}

// collector reads at each request. It describes nothing beforehand, so that
// labels may come and go with what they name.
type collector func(emit func(Sample))

// Describe implements prometheus.Collector.
func (collector) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (c collector) Collect(ch chan<- prometheus.Metric) {
	c(func(s Sample) {
		names, values := make([]string, len(s.Labels)), make([]string, len(s.Labels))
		for i, l := range s.Labels {
			names[i], values[i] = l[0], l[1]
		}
		kind := prometheus.GaugeValue
		if n := len(s.Name); n > 6 && s.Name[n-6:] == "_total" {
			kind = prometheus.CounterValue
		}
		desc := prometheus.NewDesc(Namespace+s.Name, s.Help, names, nil)
		ch <- prometheus.MustNewConstMetric(desc, kind, s.Value, values...)
	})
}
