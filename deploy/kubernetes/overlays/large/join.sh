# Makes one cluster of the servers, once: three masters, each with a replica. Run again, it changes nothing.
set -eu
address() { getent hosts "valkey-$1.valkey" | cut -d ' ' -f 1; }

for number in 0 1 2 3 4 5; do
    until [ "$(valkey-cli -h "valkey-$number.valkey" ping 2>/dev/null)" = PONG ]; do sleep 1; done
done
if valkey-cli -h valkey-0.valkey cluster info | grep -q '^cluster_slots_assigned:16384'; then exit 0; fi
servers=$(for number in 0 1 2 3 4 5; do echo "$(address $number):6379"; done)
# shellcheck disable=SC2086 # they are words
valkey-cli --cluster create $servers --cluster-replicas 1 --cluster-yes
