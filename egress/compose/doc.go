// Package compose draws the participants onto an I420 canvas and mixes their
// voices. It is plain work on memory: no goroutines, no clock, no I/O.
//
// A Canvas redraws only the tiles that changed, so that people without video
// and still pictures cost nothing; in steady state it allocates nothing.
package compose
