package server

import (
	"os/exec"
	"testing"
	"time"
)

// slowhttptest holds connections in its four ways; meanwhile others are served.
func TestSlowClients(t *testing.T) {
	requireCommand(t, "slowhttptest")
	s := start(t, fixedConfig)
	for name, mode := range map[string]string{"headers": "-H", "body": "-B", "read": "-X", "range": "-R"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command("slowhttptest", mode, "-c", "50", "-r", "50", "-i", "1", "-l", "2", "-p", "5", "-u", "http://"+s.address+"/tree/")
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() { ended <- cmd.Wait() }()
			answered := 0
			for {
				select {
				case err := <-ended:
					if err != nil {
						t.Errorf("slowhttptest: %v", err)
					}
					if answered == 0 {
						t.Error("nobody else was asked")
					}
					return
				case <-time.After(20 * time.Millisecond):
				}
				if got := s.get("/hello"); got != "hello\n" {
					t.Fatalf("another request got %q", got)
				}
				answered++
			}
		})
	}
}
