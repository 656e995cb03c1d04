#!/usr/bin/env bats
# test/gpu.sh where there is no GPU.

setup() {
    load helper
    cd "${BATS_TEST_TMPDIR}" || return
    PATH=${ROOT}/.venv/bin:${PATH}
}

@test "without a GPU it says so and measures nothing" {
    run env CUDA_VISIBLE_DEVICES= "${ROOT}/test/gpu.sh" out
    [ "${status}" -eq 1 ]
    says "PyTorch sees no GPU here"
    [ ! -e out/gpu.json ]
}

@test "wrong options are refused before anything is run" {
    for words in "" "out other" "out --device tpu" "out --wheels nowhere" "out --parts" "out --fast"; do
        # shellcheck disable=SC2086  # a list of words
        run "${ROOT}/test/gpu.sh" ${words}
        [ "${status}" -eq 1 ]
        says "test/gpu.sh: error: "
    done
}

@test "on the CPU, as a trial: a part that fails is said to, those after it run, the page has both" {
    # no set of the recipe is there, so its training fails
    run "${ROOT}/test/gpu.sh" out --device cpu --parts "build fp32 align"
    [ "${status}" -eq 1 ]
    says "build      PASS"
    says "align      PASS"
    says "fp32       FAIL: status 1"
    says "which stage 3"
    grep -q '"commit": "[0-9a-f]\{10\}"' out/gpu.json
    grep -q '| align | PASS |' out/gpu.md
    grep -q '^| 100 x 40 | .* ms |' out/gpu.md
    grep -q 'Not measured.' out/gpu.md
    [ "$(python3 "${ROOT}/test/gpu_page.py" page out/gpu.json)" = "$(cat out/gpu.md)" ]
}
