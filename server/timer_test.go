package server

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func timerConfig(data string) string {
	return fmt.Sprintf(`
[plugins.timer]
source = "TESTDATA/timer"
config = {data = %q}
[routes.timer]
match = "/"
content = "timer"
`, data)
}

// Timers of init_worker and of requests run beside them. When the generation
// ends they run once more, and then exit_worker does; those of the next one
// have begun by then.
func TestTimers(t *testing.T) {
	s := startFile(t, timerConfig("one"))
	s.await("tick", "plugin=timer")
	s.get("/?question")
	s.await("asked for: /?question")
	s.write(timerConfig("two"))
	s.reload()
	s.await("exit_worker: one")
	if s.count("premature: two") > 0 {
		t.Error("the new generation's timers have run")
	}
	before := s.count("tick")
	waitFor(t, "the new generation's timer", func() bool { return s.count("tick") > before })
	s.stop()
	text, err := os.ReadFile(filepath.Join(s.dir, "server.log"))
	if err != nil {
		t.Fatal(err)
	}
	for _, data := range []string{"one", "two"} {
		premature, exit := strings.Index(string(text), "premature: "+data), strings.Index(string(text), "exit_worker: "+data)
		if premature < 0 || exit < premature {
			t.Errorf("the timers of generation %s have not run before its end:\n%s", data, text)
		}
	}
	if strings.Contains(string(text), "level=ERROR") {
		t.Errorf("there are errors:\n%s", text)
	}
}
