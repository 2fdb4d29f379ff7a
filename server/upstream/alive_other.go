//go:build !unix

package upstream

// alive cannot be told here: a connection that the peer has closed shows when
// it is used.
func (c *Conn) alive() bool { return true }
