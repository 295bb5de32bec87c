package app

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
)

func TestWantsTracing(t *testing.T) {
	const endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4318"
	for _, tt := range []struct {
		environment string
		want        bool
		err         string
	}{
		{"", false, ""},
		{"OTEL_SERVICE_NAME=easel OTEL_TRACES_SAMPLER=always_on", false, ""},
		{endpoint, true, ""},
		{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://collector:4318/v1/traces", true, ""},
		{"OTEL_TRACES_EXPORTER=otlp", true, ""},
		{endpoint + " OTEL_TRACES_EXPORTER=none", false, ""},
		{endpoint + " OTEL_SDK_DISABLED=TRUE", false, ""},
		{endpoint + " OTEL_SDK_DISABLED=false", true, ""},
		{endpoint + " OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf", true, ""},
		{endpoint + " OTEL_EXPORTER_OTLP_PROTOCOL=grpc", false, "OTEL_EXPORTER_OTLP_PROTOCOL=grpc is not supported: want http/protobuf"},
		{endpoint + " OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=http/json", false, "want http/protobuf"},
		{"OTEL_EXPORTER_OTLP_PROTOCOL=grpc", false, ""}, // set for others, perhaps
		{"OTEL_TRACES_EXPORTER=zipkin", false, "OTEL_TRACES_EXPORTER=zipkin is not supported: want otlp or none"},
	} {
		t.Run(tt.environment, func(t *testing.T) {
			for _, name := range []string{"OTEL_SDK_DISABLED", "OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
				"OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"} {
				t.Setenv(name, "")
			}
			for _, pair := range strings.Fields(tt.environment) {
				name, value, _ := strings.Cut(pair, "=")
				t.Setenv(name, value)
			}
			got, err := wantsTracing()
			if got != tt.want || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("wantsTracing() = %v, %v; want %v, %q", got, err, tt.want, tt.err)
			}
		})
	}
}

func TestLostTracesAreLoggedOnceInAWhile(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	lost := &lostTraces{log: slog.New(slog.NewTextHandler(&log, nil))}
	for range 100 {
		lost.Handle(errors.New("connection refused"))
	}
	if n := strings.Count(log.String(), "connection refused"); n != 1 {
		t.Errorf("%d warnings of 100 batches in a moment, want 1:\n%s", n, &log)
	}
	lost.last = lost.last.Add(-lostTracesEvery)
	lost.Handle(errors.New("still refused"))
	if !strings.Contains(log.String(), "still refused") {
		t.Errorf("nothing more is logged a minute later:\n%s", &log)
	}
}
