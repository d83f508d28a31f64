// How often per second of CPU time OpenSSL parses and verifies an OCSP response about a certificate:
//
//   openssl-verify RESPONSE CERTIFICATE ISSUER SECONDS-SINCE-1970 MILLISECONDS
//
// The files are DER; it verifies as of the time given, for so many milliseconds of CPU time. The issuer is the trust anchor, so nothing
// above it is verified: the least that OCSP_basic_verify does for a delegated signer.
#include <openssl/ocsp.h>
#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

static double cpuSeconds(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec +
         (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static X509 *readCertificate(const char *path) {
  BIO *file = BIO_new_file(path, "rb");
  X509 *certificate = file == NULL ? NULL : d2i_X509_bio(file, NULL);
  BIO_free(file);
  return certificate;
}

static int isGood(const unsigned char *der, long length, X509_STORE *anchors, OCSP_CERTID *id) {
  const unsigned char *at = der;
  OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(NULL, &at, length);
  OCSP_BASICRESP *basic = response == NULL ? NULL : OCSP_response_get1_basic(response);
  ASN1_GENERALIZEDTIME *thisUpdate = NULL, *nextUpdate = NULL;
  int status = -1, reason;
  int good = basic != NULL && OCSP_basic_verify(basic, NULL, anchors, 0) == 1 &&
             OCSP_resp_find_status(basic, id, &status, &reason, NULL, &thisUpdate, &nextUpdate) == 1 &&
             status == V_OCSP_CERTSTATUS_GOOD;
  OCSP_BASICRESP_free(basic);
  OCSP_RESPONSE_free(response);
  return good;
}

int main(int count, char **arguments) {
  static unsigned char der[65536];
  if (count != 6) return 2;
  FILE *file = fopen(arguments[1], "rb");
  X509 *certificate = readCertificate(arguments[2]), *issuer = readCertificate(arguments[3]);
  if (file == NULL || certificate == NULL || issuer == NULL) return 2;
  long length = (long)fread(der, 1, sizeof der, file);
  X509_STORE *anchors = X509_STORE_new();
  X509_STORE_add_cert(anchors, issuer);
  X509_VERIFY_PARAM_set_flags(X509_STORE_get0_param(anchors), X509_V_FLAG_PARTIAL_CHAIN);
  X509_VERIFY_PARAM_set_time(X509_STORE_get0_param(anchors), atol(arguments[4]));
  OCSP_CERTID *id = OCSP_cert_to_id(NULL, certificate, issuer);

  double start = cpuSeconds(), end = start + atof(arguments[5]) / 1000, now = start;
  long done = 0;
  for (; now < end; now = cpuSeconds())
    for (int i = 0; i < 50; i++, done++)
      if (!isGood(der, length, anchors, id)) return 1;
  printf("%.1f\n", done / (now - start));
  return 0;
}
