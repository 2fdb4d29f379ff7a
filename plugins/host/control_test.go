package host_test

import "testing"

func TestExit(t *testing.T) {
	for _, status := range []int{200, 204, 403, 599} {
		g := newGuest(t)
		g.want(done, "exit", status)
		x := g.call.Exchange
		if !x.Ended || !x.Errors || x.Response.StatusCode() != status {
			t.Errorf("exit(%d): ended is %v, errors %v, status %d", status, x.Ended, x.Errors, x.Response.StatusCode())
		}
		x.ResetRoute()
		for _, status := range []int{-1, 0, 101, 199, 600} {
			g.want(badArgument, "exit", status)
		}
		if x.Ended || x.Errors {
			t.Error("a refused exit has an effect")
		}
	}
}

func TestRedirect(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		g := newGuest(t)
		x := g.call.Exchange
		x.Response.SetBodyString("dropped")
		g.want(done, "redirect", "https://example.com/a?b#c", status)
		if !x.Ended || x.Errors || x.Response.StatusCode() != status || len(x.Response.Body()) != 0 {
			t.Errorf("redirect(%d): ended is %v, errors %v, status %d, body %q",
				status, x.Ended, x.Errors, x.Response.StatusCode(), x.Response.Body())
		}
		g.wantText("https://example.com/a?b#c", "response_header_get", "location")
		x.ResetRoute()
		for _, status := range []int{0, 200, 300, 304, 305, 306, 309, 404} {
			g.want(badArgument, "redirect", "/", status)
		}
		g.want(badArgument, "redirect", "", status)
		if x.Ended {
			t.Error("a refused redirect has an effect")
		}
	}
}

func TestExec(t *testing.T) {
	g := newGuest(t)
	x := g.call.Exchange
	g.want(done, "exec", "/a?b=c")
	g.memory.Write(64, []byte("XXXXXXXX")) // where the argument was
	if !x.Ended || x.Errors || string(x.Exec) != "/a?b=c" {
		t.Errorf("ended is %v, errors %v, exec %q", x.Ended, x.Errors, x.Exec)
	}
	g.want(done, "exec", "/d")
	if string(x.Exec) != "/d" {
		t.Errorf("exec is %q", x.Exec)
	}
	if x.ResetRoute(); x.Ended || len(x.Exec) > 0 {
		t.Error("the next pass through a route knows of the exec")
	}
}
