// Package redis is phasm's client of Redis, for plugins: what lua-resty-redis
// is to OpenResty, over one multiplexed connection pool per server instead of
// a connection per request.
//
// A [Client] connects when it is first used, and again whenever the connection
// is lost. While Redis is away, or silent, commands fail within the client's
// timeout and the deadline of their context: nobody waits for a connection
// longer than that. Commands of many requests share connections and round
// trips; none of them may therefore change or hold up the connection, which
// package command sees to. Commands that may block have connections of their
// own, and so has a [Subscriber], which receives what is published.
//
// [Clients] shares clients among generations of the configuration, so that a
// reload keeps the connections whose table has not changed.
//
// Replies cross to guests in an encoding of their own, see [AppendReply].
package redis
