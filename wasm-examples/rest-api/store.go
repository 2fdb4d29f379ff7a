package main

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"

	"phasm/sdk"
)

// The store is a Redis, for want of a database; another one would change this
// file only. A user's document stands in a list, the newest first. The key of
// an e-mail address sees to it that no other user gets the same, however many
// are created at once.
const (
	usersKey    = "users"
	lastKey     = "users:last"   // the last identifier
	emailPrefix = "users:email:" // ADDRESS: the identifier of its user
	mostUsers   = "99"           // the last index of those that are listed
)

var (
	database  *sdk.Redis
	errExists = errors.New("there is a user with this address")
)

// open opens the Redis servers that the configuration names.
func open() error {
	var errs [3]error
	database, errs[0] = sdk.OpenRedis(sdk.Config("database"))
	cache, errs[1] = sdk.OpenRedis(sdk.Config("cache"))
	seconds, err := sdk.ConfigDuration("ttl", int64(300e9))
	ttl, errs[2] = strconv.FormatInt(max(1, seconds/1e9), 10), err
	return errors.Join(errs[:]...)
}

// stored are the newest users as a JSON array.
func stored() ([]byte, error) {
	reply, err := database.Do("LRANGE", usersKey, "0", mostUsers)
	if err == nil {
		err = reply.Err()
	}
	if err != nil {
		return nil, err
	}
	return []byte("[" + strings.Join(reply.Strings(), ",") + "]"), nil
}

// store gives the user an identifier and stores it. It answers the document, or
// errExists.
func store(u *user) ([]byte, error) {
	id, err := do("INCR", lastKey)
	if err != nil {
		return nil, err
	}
	u.ID = id
	document, err := json.Marshal(u)
	if err != nil {
		return nil, err
	}
	added, err := do("SETNX", emailPrefix+u.Email, strconv.FormatInt(id, 10))
	if err != nil {
		return nil, err
	}
	if added == 0 {
		return nil, errExists
	}
	if _, err := do("LPUSH", usersKey, string(document)); err != nil {
		if _, undo := do("DEL", emailPrefix+u.Email); undo != nil {
			sdk.Warn("address " + strconv.Quote(u.Email) + " stays taken: " + undo.Error())
		}
		return nil, err
	}
	return document, nil
}

// do runs a command of the store whose answer is a number.
func do(args ...string) (int64, error) {
	reply, err := database.Do(args...)
	if err == nil {
		err = reply.Err()
	}
	if err != nil {
		return 0, err
	}
	return reply.Int(), nil
}
