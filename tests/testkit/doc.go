// Package testkit is what end-to-end tests stand on: cameras and microphones
// whose content can be recognised afterwards, eyes and ears that recognise it
// in a decoded stream or in a page, and harnesses for the programs around the
// test (Meetcast itself, Chromium, nginx with its RTMP module).
//
// A camera shows one solid colour, so that a test can tell who is in a tile,
// and a frame counter in big blocks, so that it can tell when the picture was
// taken. A microphone plays one tone. Both survive VP8, H.264, AAC and Opus at
// the small sizes that tests use; see the round trips in the package's tests.
//
// Only tests import this package.
package testkit
