/**
 * What the name of a file in a folder says: `certificate`, so that it is a problem when it holds none; `foreign`, so that it is not
 * even opened (private keys above all); `open`, so that one looks inside and says nothing when there is no certificate.
 */
export function fileNameKind(name: string): 'certificate' | 'foreign' | 'open' {
  if (name.startsWith('.') || FOREIGN.test(name) || PRIVATE_KEY.test(name)) return 'foreign'
  return CERTIFICATE.test(name) ? 'certificate' : 'open'
}

const CERTIFICATE = /\.(pem|crt|cer|cert|der)$/i
/** certbot's `privkey.pem` and `0001_key-certbot.pem`, Caddy's `x.key`, `server-key.pem`, `tls.key`. */
const PRIVATE_KEY = /\.key$|(^|[._-])(priv(ate)?)?[._-]?key(-certbot)?\d*\.pem$/i
const FOREIGN =
  /~$|\.(ocsp|csr|crl|p12|pfx|jks|p7b|p7c|json|ya?ml|conf|cfg|ini|toml|log|txt|md|sh|html?|lock|tmp|swp|bak|old|gz|zip|db)$/i
