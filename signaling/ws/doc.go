// Package ws carries messages over a WebSocket (RFC 6455) and guards its limits:
// who may open one, how large and how many the messages are, how long the other
// end may be silent and how far it may lag behind. It knows nothing of what the
// messages say.
//
//	Read  <- frames <- [rate, size, deadline] <- network
//	Send  -> [bounded queue] -> writer goroutine -> network
//
// One goroutine reads, one owned by the Conn writes; anybody may Send or Close.
package ws
