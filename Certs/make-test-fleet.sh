#!/bin/sh
# Makes the certificates of a complete test fleet in a folder, with openssl alone.
#
#   make-test-fleet.sh FOLDER [FLEET]
#
# For tests and trials only: the keys are not encrypted. See README.md beside this script.
set -eu

if [ $# -lt 1 ] || [ $# -gt 2 ]; then
    echo "usage: make-test-fleet.sh FOLDER [FLEET]" >&2
    exit 2
fi
folder=$1
fleet=${2-test}
case $fleet in
    *[!a-z0-9-]* | '') echo "make-test-fleet: a fleet's name is of a-z, 0-9 and -" >&2; exit 2 ;;
esac
[ "${#fleet}" -le 63 ] || { echo "make-test-fleet: a fleet's name has at most 63 characters" >&2; exit 2; }
command -v openssl >/dev/null || { echo "make-test-fleet: openssl is not installed" >&2; exit 1; }
[ ! -e "$folder/root.pem" ] || { echo "make-test-fleet: $folder holds a fleet already" >&2; exit 1; }

umask 077
mkdir -p "$folder"
cd "$folder"

years=3650 # the authorities
days=90    # everybody else

run() {
    openssl "$@" 2>openssl.log || { cat openssl.log >&2; exit 1; }
}

# key NAME: a new P-256 key in NAME.key (PKCS #8).
key() {
    run genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -pkeyopt ec_param_enc:named_curve -out "$1.key"
}

# certify NAME SUBJECT ISSUER DAYS EXTENSIONS…: NAME.pem for NAME.key, signed by ISSUER (itself if the same).
certify() {
    name=$1 subject=$2 issuer=$3 lifetime=$4
    shift 4
    printf '%s\n' "subjectKeyIdentifier = hash" "authorityKeyIdentifier = keyid" "$@" >"$name.ext"
    run req -new -key "$name.key" -subj "/CN=$subject" -out "$name.csr"
    if [ "$name" = "$issuer" ]; then
        run x509 -req -in "$name.csr" -signkey "$name.key" -sha256 -days "$lifetime" \
            -set_serial "0x$(openssl rand -hex 15)" -extfile "$name.ext" -out "$name.pem"
    else
        run x509 -req -in "$name.csr" -CA "$issuer.pem" -CAkey "$issuer.key" -sha256 -days "$lifetime" \
            -set_serial "0x$(openssl rand -hex 15)" -extfile "$name.ext" -out "$name.pem"
    fi
    rm -f "$name.csr" "$name.ext"
}

# authority NAME SUBJECT ISSUER PATHLENGTH
authority() {
    key "$1"
    certify "$1" "$2" "$3" "$years" \
        "basicConstraints = critical, CA:TRUE, pathlen:$4" "keyUsage = critical, keyCertSign, cRLSign"
}

# node NAME ROLE: NAME.key, NAME.pem and NAME.chain.pem with a random id; hubs and spokes may be dialled.
node() {
    id=$(openssl rand -hex 16)
    key "$1"
    names="URI:axle://$fleet/$2/$id"
    usage=clientAuth
    if [ "$2" != agent ]; then
        names="$names, DNS:localhost, IP:127.0.0.1, IP:::1"
        usage="serverAuth, clientAuth"
    fi
    certify "$1" "$1" issuing "$days" \
        "basicConstraints = critical, CA:FALSE" "keyUsage = critical, digitalSignature" \
        "extendedKeyUsage = $usage" "subjectAltName = $names"
    # Whoever joins pins the root, so whoever is joined shows it.
    if [ "$2" = agent ]; then
        cat "$1.pem" issuing.pem >"$1.chain.pem"
    else
        cat "$1.pem" issuing.pem root.pem >"$1.chain.pem"
    fi
    printf '%-8s axle://%s/%s/%s\n' "$1" "$fleet" "$2" "$id" >>nodes.txt
}

authority root "$fleet root" root 1
authority issuing "$fleet issuing" root 0
node hub hub
for n in 1 2; do node "spoke$n" spoke; done
for n in 1 2 3 4; do node "agent$n" agent; done

for n in hub spoke1 spoke2 agent1 agent2 agent3 agent4; do
    run verify -CAfile root.pem -untrusted issuing.pem "$n.pem"
done
rm -f openssl.log

cat nodes.txt
