// Package config reads phasm's configuration: a TOML file of named tables.
//
// [Load] and [Parse] go through these steps, one file each:
//
//   - positions.go, scan.go: find the line of every key;
//   - syntax.go: decode the TOML, or say on which line it is broken;
//   - decode.go, fields.go: walk the tree into the structs, steered by their tags;
//   - listener.go, certificate.go, plugin.go, redis.go, route.go, pattern.go: the rules that concern
//     more than one value;
//   - problem.go: what is reported, and how.
//
// A mistake never hides another one: every problem is reported at once, with
// its line and what to do about it. Only syntax and references are checked
// here; whether a plugin compiles or an address can be bound shows later, and
// [Config.Problem] gives such a finding the same form.
//
// The structs are the reference of the configuration: each field's comment
// says what it does, its unit, and its default. The tags say the same to the
// decoder:
//
//	toml:"key"            the key in its table
//	default:"10s"         the value when the key is absent
//	min:"0" max:"599"     the range allowed, in the field's own notation
//	choices:"a|b"         the only values allowed
//	required:"example"    the key must be there; the example goes into the message
//	ref:"plugin"          the value names a plugin
//	file:"dir|file|log"   the value is a path, relative to the configuration file
//	form:"env"            the value is the name of an environment variable
package config
