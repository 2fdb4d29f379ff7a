package server

import (
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"

	"phasm/server/upstream"
)

// maxAdminBody is the largest body of a request to the admin listener, in
// bytes.
const maxAdminBody = 64 << 10

// serveUpstreams has the admin listener tell about the upstreams in use and
// change their peers, without a reload. A peer goes by the address that the
// configuration has. What is changed so survives reloads, as Group.Update has
// it, and not the process.
func (s *Server) serveUpstreams(mux *http.ServeMux) {
	mux.HandleFunc("GET /upstreams", func(w http.ResponseWriter, _ *http.Request) {
		states := []upstream.State{}
		for _, group := range s.generation.Load().upstreams {
			states = append(states, group.State())
		}
		slices.SortFunc(states, func(a, b upstream.State) int { return cmp.Compare(a.Name, b.Name) })
		answerJSON(w, http.StatusOK, map[string]any{"upstreams": states})
	})
	onGroup := func(pattern string, status int, change func(*upstream.Group, http.ResponseWriter, *http.Request) error) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			group := s.generation.Load().upstreams[r.PathValue("name")]
			if group == nil {
				answerJSON(w, http.StatusNotFound, map[string]any{"error": "no such upstream"})
				return
			}
			if err := change(group, w, r); err != nil {
				answerJSON(w, statusOfChange(err), map[string]any{"error": err.Error()})
				return
			}
			if r.Method != http.MethodGet {
				s.log().Info("peers changed by the admin listener", "upstream", group.Name(), "method", r.Method)
			}
			answerJSON(w, status, group.State())
		})
	}
	onGroup("GET /upstreams/{name}", http.StatusOK, func(*upstream.Group, http.ResponseWriter, *http.Request) error { return nil })
	onGroup("POST /upstreams/{name}/peers", http.StatusCreated, addPeer)
	onGroup("PATCH /upstreams/{name}/peers", http.StatusOK, changePeer)
	onGroup("DELETE /upstreams/{name}/peers", http.StatusOK, func(g *upstream.Group, _ http.ResponseWriter, r *http.Request) error {
		return g.Remove(r.URL.Query().Get("peer"))
	})
}

// peerChange is the body of a request that adds or changes a peer.
type peerChange struct {
	Peer           string `json:"peer"`
	Weight         *int   `json:"weight"`
	MaxConnections *int   `json:"max_connections"`
	Backup         *bool  `json:"backup"`
	Down           *bool  `json:"down"`
	Draining       *bool  `json:"draining"`
}

// errBadBody is the error of a body that is no peerChange.
var errBadBody = errors.New(`the body is no change; write one as in {"peer": "127.0.0.1:9000", "weight": 2}, with weight, max_connections, backup, down, draining`)

func readChange(w http.ResponseWriter, r *http.Request) (c peerChange, err error) {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxAdminBody))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil || c.Peer == "" {
		return c, errBadBody
	}
	if _, err := d.Token(); err != io.EOF {
		return c, errBadBody
	}
	return c, nil
}

func addPeer(g *upstream.Group, w http.ResponseWriter, r *http.Request) error {
	c, err := readChange(w, r)
	if err != nil {
		return err
	}
	return g.Add(c.Peer, c.change())
}

func (c *peerChange) change() upstream.Change {
	return upstream.Change{Weight: c.Weight, MaxConnections: c.MaxConnections, Backup: c.Backup, Down: c.Down, Draining: c.Draining}
}

func changePeer(g *upstream.Group, w http.ResponseWriter, r *http.Request) error {
	c, err := readChange(w, r)
	if err != nil {
		return err
	}
	return g.Change(c.Peer, c.change())
}

func statusOfChange(err error) int {
	switch {
	case errors.Is(err, upstream.ErrNoSuchPeer):
		return http.StatusNotFound
	case errors.Is(err, upstream.ErrPeerExists):
		return http.StatusConflict
	case errors.Is(err, upstream.ErrClosed):
		return http.StatusServiceUnavailable
	}
	return http.StatusBadRequest
}

// answerJSON answers with what is encoded as an indented object: the reader is
// a person as often as a program.
func answerJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.Encode(value)
}
