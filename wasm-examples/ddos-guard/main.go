// Package main is ddos-guard: it turns away addresses that ask too often, for
// things that only attackers ask for, or with the tools of attackers, and bans
// them for a while.
package main

import (
	"strings"
	"time"

	"phasm/sdk"
)

func init() { sdk.Access(guard) }

func main() {}

var zone = sdk.OpenZone("guard")

const (
	agentBan   = sdk.TTL(time.Hour)
	patternBan = sdk.TTL(30 * time.Minute)
	window     = sdk.TTL(time.Minute)
	tolerated  = 80 // a higher score is an attack
)

// agents are parts of the names of what no person browses with.
var agents = []string{"bot", "crawler", "spider", "scraper", "curl", "wget", "python", "java", "scanner", "flood", "attack"}

func guard(r *sdk.Request) sdk.Action {
	address := r.RemoteAddr()
	switch _, err := zone.Get("ban " + address); err {
	case sdk.ErrNotFound:
	case nil:
		return refuse(r, "IP blacklisted")
	default:
		sdk.Error("cannot look up a ban: " + err.Error()) // the request is let through
		return sdk.Continue
	}
	if suspiciousAgent(r.Header("User-Agent")) {
		return ban(r, address, "Suspicious user agent", agentBan)
	}
	n, err := zone.IncrFrom("count "+address, 1, 0, window)
	if err != nil {
		sdk.Error("cannot count a request: " + err.Error())
	}
	if rateScore(n)+pathScore(r.Path()) > tolerated {
		return ban(r, address, "Suspicious request pattern", patternBan)
	}
	return sdk.Continue
}

func suspiciousAgent(name string) bool {
	name = strings.ToLower(name)
	for _, part := range agents {
		if strings.Contains(name, part) {
			return true
		}
	}
	return false
}

// rateScore says how suspicious so many requests in a minute are.
func rateScore(n int64) int {
	switch {
	case n > 100:
		return 30
	case n > 50:
		return 15
	}
	return 0
}

// pathScore says how suspicious it is to ask for a path.
func pathScore(path string) (score int) {
	if strings.HasSuffix(path, ".php") || strings.Contains(path, "wp-admin") {
		score += 40
	}
	if strings.HasSuffix(path, ".env") || strings.Contains(path, "config") {
		score += 50
	}
	return score
}

// ban turns an address away for some time.
func ban(r *sdk.Request, address, reason string, ttl sdk.TTL) sdk.Action {
	sdk.Warn("banned " + address + ": " + reason)
	if err := zone.Set("ban "+address, sdk.Text(reason), ttl); err != nil {
		sdk.Error("cannot ban " + address + ": " + err.Error())
	}
	return refuse(r, reason)
}

func refuse(r *sdk.Request, reason string) sdk.Action {
	w := r.Response()
	w.SetHeader("Retry-After", "60")
	w.SetHeader("Content-Type", "text/plain; charset=utf-8")
	w.WriteString("Rate limit exceeded: " + reason + "\n")
	return r.Exit(429)
}
