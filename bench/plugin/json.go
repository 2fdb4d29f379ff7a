package main

import (
	"github.com/go-faster/jx"

	"phasm/sdk"
)

type user struct {
	ID          int
	Name, Email string
}

var json jx.Writer

// encode answers with a document. It is written by a library without
// reflection: encoding/json takes a guest several times as long.
func encode(r *sdk.Request) sdk.Action {
	json.Reset()
	json.ArrStart()
	for i, u := range []user{{1, "John Doe", "john@example.com"}, {2, "Jane Smith", "jane@example.com"}} {
		if i > 0 {
			json.Comma()
		}
		u.write(&json)
	}
	json.ArrEnd()
	r.Response().SetHeader("Content-Type", "application/json")
	r.Response().Write(json.Buf)
	return sdk.Final
}

func (u *user) write(w *jx.Writer) {
	w.ObjStart()
	w.FieldStart("id")
	w.Int(u.ID)
	w.Comma()
	w.FieldStart("name")
	w.Str(u.Name)
	w.Comma()
	w.FieldStart("email")
	w.Str(u.Email)
	w.ObjEnd()
}
