package postgres

import (
	"testing"
	"time"
)

// TestConnectTime: no connection is waited for without an end.
func TestConnectTime(t *testing.T) {
	t.Parallel()
	for setting, want := range map[string]time.Duration{"": connectTime, "&connect_timeout=0": connectTime, "&connect_timeout=3": 3 * time.Second} {
		p, err := parse("postgres://u@h/db?table=t" + setting)
		if err != nil || p.config.ConnectTimeout != want {
			t.Errorf("%q: %v, %v", setting, p, err)
		}
	}
}
