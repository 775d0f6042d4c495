package auth

// JWKS is a JSON Web Key Set, RFC 7517 §5.
type JWKS struct {
	Keys []JWK `json:"keys"`
}

// JWK is one public RSA key, RFC 7518 §6.3.
type JWK struct {
	Type      string `json:"kty"`
	Use       string `json:"use"`
	Algorithm string `json:"alg"`
	ID        string `json:"kid"`
	N         string `json:"n"`
	E         string `json:"e"`
}

// JWKS returns the public keys that count now, the signing one first.
func (k *Keys) JWKS() JWKS {
	k.refresh()
	k.mu.Lock()
	defer k.mu.Unlock()
	set := JWKS{Keys: []JWK{}}
	for _, key := range k.keys {
		if key.over(k.now()) {
			continue
		}
		n, e := jwkNumbers(key.public)
		set.Keys = append(set.Keys, JWK{Type: "RSA", Use: "sig", Algorithm: algorithm, ID: key.kid, N: n, E: e})
	}
	return set
}
