// Package frontend holds the built pages and serves them. The pages are written
// in TypeScript under src, built by Vite into dist and embedded, so that the
// binary alone is the product. A binary built without them says so on its pages.
//
//	GET /                                          landing page
//	GET /nanomeet-frontend/nanomeet-helper.html    token creator
//	GET /nanomeet-frontend/nanomeet-sample.html    sample page
//	GET /nanoplayer/release/nanoplayer.html        live player
//	GET /js/… and /nanomeet-frontend/js/…          nanomeet.js and its types
//	GET /assets/…                                  what the pages load
//	GET /{sub}/{room}                              meeting page
package frontend

import (
	"embed"
	"io/fs"
)

//go:generate npm run build

// The pattern also matches dist.txt, which is committed: without it the package
// would not compile before the pages are built.
//
//go:embed all:dist*
var embedded embed.FS

// Files returns the built pages, and false when the binary was built without.
func Files() (fs.FS, bool) {
	files, err := fs.Sub(embedded, "dist")
	if err != nil {
		return nil, false
	}
	if _, err := fs.Stat(files, "meeting.html"); err != nil {
		return nil, false
	}
	return files, true
}
