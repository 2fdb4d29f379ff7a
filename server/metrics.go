package server

import (
	"runtime"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"phasm/plugins/metric"
)

// serverMetrics are the server's own metrics. Plugins' calls are counted by
// package plugins, into the same registry.
type serverMetrics struct {
	connections      atomic.Int64
	ready            atomic.Bool
	refused          *metrics.Counter
	handshakesFailed *metrics.Counter
	panics           *metrics.Counter
	generations      atomic.Int64

	proxyHeadersRefused *metrics.Counter
	reloads             reloadMetrics
	serverLog           *logCounts
	accessLog           *logCounts
}

func newServerMetrics(s *Server, version string) *serverMetrics {
	r := s.registry
	m := &serverMetrics{
		refused:          r.Must(metric.Counter, "phasm_connections_refused_total", "Connections closed at once because of server.limits.connections.", nil).Counter(),
		handshakesFailed: r.Must(metric.Counter, "phasm_tls_handshakes_failed_total", "TLS handshakes that came to nothing.", nil).Counter(),
		panics:           r.Must(metric.Counter, "phasm_panics_total", "Panics in the server itself, each a bug.", nil).Counter(),
		reloads:          newReloadMetrics(r),

		proxyHeadersRefused: r.Must(metric.Counter, "phasm_proxy_headers_refused_total", "Connections closed for want of a PROXY header from a trusted proxy.", nil).Counter(),
	}
	r.Must(metric.Gauge, "phasm_requests_in_flight", "Connections with a request being served.", nil).Func(func() float64 { return float64(s.inFlight()) })
	r.Must(metric.Gauge, "phasm_connections", "Open connections.", nil).Func(func() float64 { return float64(m.connections.Load()) })
	r.Must(metric.Gauge, "phasm_build_info", "1, labelled with phasm's version.", []string{"version", "go"}).Func(func() float64 { return 1 }, version, runtime.Version())
	r.Must(metric.Gauge, "phasm_generations", "Configurations that are loaded: the one in use, and those whose exchanges have not ended yet.", nil).Func(func() float64 { return float64(m.generations.Load()) })
	r.Must(metric.Gauge, "phasm_plugin_memory_bytes", "Linear memory that plugins' instances have together.", nil).
		Func(func() float64 { return float64(s.memory.Used()) })
	r.Must(metric.Gauge, "phasm_plugin_memory_limit_bytes", "What they may have together (server.limits.memory).", nil).
		Func(func() float64 { return float64(s.memory.Limit()) })
	dropped := r.Must(metric.Counter, "phasm_log_dropped_total", "Log lines dropped because the buffer was full.", []string{"log"})
	failed := r.Must(metric.Counter, "phasm_log_write_errors_total", "Writes to a log that failed.", []string{"log"})
	m.serverLog = &logCounts{dropped.Counter("server"), failed.Counter("server")}
	m.accessLog = &logCounts{dropped.Counter("access"), failed.Counter("access")}
	return m
}

// reloadMetrics say how reloads went.
type reloadMetrics struct {
	succeeded, failed *metrics.Counter
	last              *metric.Series
	lastSuccess       *metric.Series
}

func newReloadMetrics(r *metric.Registry) reloadMetrics {
	total := r.Must(metric.Counter, "phasm_reloads_total", "Reloads of the configuration.", []string{"result"})
	m := reloadMetrics{
		succeeded: total.Counter("success"), failed: total.Counter("failure"),
		last:        r.Must(metric.Gauge, "phasm_config_last_reload_successful", "Whether the last attempt to load the configuration was successful.", nil).Series(),
		lastSuccess: r.Must(metric.Gauge, "phasm_config_last_reload_success_timestamp_seconds", "When the configuration in use was loaded.", nil).Series(),
	}
	m.loaded(true)
	return m
}

// loaded notes how an attempt to load the configuration went.
func (m *reloadMetrics) loaded(well bool) {
	if !well {
		m.last.Set(0)
		return
	}
	m.last.Set(1)
	m.lastSuccess.Set(float64(time.Now().UnixMilli()) / 1000)
}

// count counts a reload.
func (m *reloadMetrics) count(well bool) {
	if m.loaded(well); well {
		m.succeeded.Inc()
	} else {
		m.failed.Inc()
	}
}

// methods are those that have a series of their own; the others share one, so
// that no client can make up series.
var methods = [...]string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE", "other"}

const (
	otherMethod = len(methods) - 1
	minCode     = 100
	maxCode     = 599
)

// routeFamilies are the metrics that have series for each route.
type routeFamilies struct {
	requests *metric.Family
	duration *metric.Family
	received *metric.Family
	sent     *metric.Family
}

func newRouteFamilies(r *metric.Registry) *routeFamilies {
	return &routeFamilies{
		requests: r.Must(metric.Counter, "phasm_requests_total", "Requests answered, early errors included (route is empty where none matched).", []string{"route", "method", "code"}),
		duration: r.Must(metric.Histogram, "phasm_request_duration_seconds", "Time from a request's first byte until its response was handed to the connection.", []string{"route"}),
		received: r.Must(metric.Counter, "phasm_request_body_bytes_total", "Bytes read of requests' bodies.", []string{"route"}),
		sent:     r.Must(metric.Counter, "phasm_response_bytes_total", "Bytes sent of responses, heads included.", []string{"route"}),
	}
}

// routeMetrics are one route's series, looked up without a map.
type routeMetrics struct {
	family   *metric.Family
	name     string
	requests [len(methods)][maxCode - minCode + 1]atomic.Pointer[metrics.Counter]
	duration *metric.Series
	received *metrics.Counter
	sent     *metrics.Counter
}

func (m *routeFamilies) route(name string) *routeMetrics {
	m.requests.Claim(name) // its series are made one by one
	return &routeMetrics{
		family: m.requests, name: name,
		duration: m.duration.Series(name), received: m.received.Counter(name), sent: m.sent.Counter(name),
	}
}

// count counts an exchange that has ended.
func (m *routeMetrics) count(x *exchange, took time.Duration) {
	method := x.ReceivedMethod()
	if x.unparsed {
		method = nil
	}
	m.counter(method, x.response.StatusCode()).Inc()
	m.duration.Observe(took.Seconds())
	m.sent.Add(int(x.BytesSent))
	if x.body.read > 0 {
		m.received.Add(int(x.body.read))
	}
}

func (m *routeMetrics) counter(method []byte, code int) *metrics.Counter {
	i := methodIndex(method)
	code = min(max(code, minCode), maxCode)
	place := &m.requests[i][code-minCode]
	if c := place.Load(); c != nil {
		return c
	}
	c := m.family.Counter(m.name, methods[i], strconv.Itoa(code))
	place.Store(c)
	return c
}

func methodIndex(method []byte) int {
	for i, m := range methods[:otherMethod] {
		if m == string(method) {
			return i
		}
	}
	return otherMethod
}
