# Celery's integration tests read the broker's address from variables, and its options from a file.
url="sentinel://${REDIS_SENTINELS%%,*}"
export TEST_BROKER="$url/0" TEST_BACKEND="$url/1"
options='{"master_name": "mymaster"}'
echo "{\"broker_transport_options\": $options, \"result_backend_transport_options\": $options}" \
    > integration-tests-config.json
