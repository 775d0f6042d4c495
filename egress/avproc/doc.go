// Package avproc runs ffmpeg as supervised child processes: a decoder a tile,
// one encoder for the picture and one for the sound. Nothing in it knows rooms
// or layouts; encoded frames and raw pictures go in and come out with their
// timestamps.
//
//	frames --IVF--> [ffmpeg decode, scale] --NUT--> I420 pictures
//	I420 canvas --raw--> [ffmpeg encode] --NUT--> H.264 samples
//	float samples --raw--> [ffmpeg encode] --NUT--> AAC samples
//
// IVF goes in because it is the smallest container with a timestamp and an
// exact length before each frame, so the demuxer never waits for the next one;
// NUT comes out because its muxer writes each frame the moment it has it
// (docs/adr/0040-containers-around-children.md has the figures).
//
// A child sees hostile bitstreams. It has its own process group and niceness,
// dies with the server (PR_SET_PDEATHSIG) and is always waited for; what it
// answers is parsed as carefully as bytes from a network.
package avproc
