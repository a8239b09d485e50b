# SPDX-License-Identifier: GPL-2.0-or-later
#
# Medians of value[OF, 1] to value[OF, count[OF]], which another file reads.

# The middle one of the rounds; low and high are the ends. None: -1.
function median(of,	i, j, m, t, v)
{
	m = count[of]
	for (i = 1; i <= m; i++) {
		t = value[of, i]
		for (j = i - 1; j && v[j] > t; j--)
			v[j + 1] = v[j]
		v[j + 1] = t
	}
	low = v[1]
	high = v[m]
	return m ? (v[int((m + 1) / 2)] + v[int((m + 2) / 2)]) / 2 : -1
}
