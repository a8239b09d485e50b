// SPDX-License-Identifier: GPL-2.0-or-later
/* Asks the kernel for the family: its number, and its multicast groups. */
#include "fuzz.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/sup.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef void (*attr_cb)(uint16_t type, const uint8_t *data, size_t len);

static void each_attr(const uint8_t *attrs, size_t size, attr_cb cb)
{
	struct nlattr a;

	while (size >= NLA_HDRLEN) {
		memcpy(&a, attrs, NLA_HDRLEN);
		if (a.nla_len < NLA_HDRLEN || a.nla_len > size)
			return;
		cb(a.nla_type & NLA_TYPE_MASK, attrs + NLA_HDRLEN,
		   a.nla_len - NLA_HDRLEN);
		if (NLA_ALIGN(a.nla_len) >= size)
			return;
		attrs += NLA_ALIGN(a.nla_len);
		size -= NLA_ALIGN(a.nla_len);
	}
}

static void take_group_attr(uint16_t type, const uint8_t *data, size_t len)
{
	if (type == CTRL_ATTR_MCAST_GRP_ID && len == sizeof(uint32_t) &&
	    shared->nmcast < ARRAY_SIZE(shared->mcast))
		memcpy(&shared->mcast[shared->nmcast++], data, len);
}

static void take_group(uint16_t type, const uint8_t *data, size_t len)
{
	each_attr(data, len, take_group_attr);
}

static void take_family_attr(uint16_t type, const uint8_t *data, size_t len)
{
	if (type == CTRL_ATTR_FAMILY_ID && len == sizeof(shared->family))
		memcpy(&shared->family, data, len);
	else if (type == CTRL_ATTR_MCAST_GROUPS)
		each_attr(data, len, take_group);
}

static int ask(int fd)
{
	struct {
		struct nlmsghdr nlh;
		struct genlmsghdr genl;
		struct nlattr attr;
		char name[NLA_ALIGN(sizeof(SUP_FAMILY_NAME))];
	} m = {
		.nlh.nlmsg_len = sizeof(m),
		.nlh.nlmsg_type = GENL_ID_CTRL,
		.nlh.nlmsg_flags = NLM_F_REQUEST,
		.genl.cmd = CTRL_CMD_GETFAMILY,
		.genl.version = 1,
		.attr.nla_len = NLA_HDRLEN + sizeof(SUP_FAMILY_NAME),
		.attr.nla_type = CTRL_ATTR_FAMILY_NAME,
		.name = SUP_FAMILY_NAME,
	};

	return send(fd, &m, sizeof(m), 0) < 0 ? -errno : 0;
}

int family_find(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	uint8_t buf[8192] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = (struct nlmsghdr *)buf;
	ssize_t n = 0;
	int ret;

	if (fd < 0)
		return -errno;
	ret = ask(fd);
	if (!ret) {
		n = recv(fd, buf, sizeof(buf), 0);
		ret = n < 0 ? -errno : 0;
	}
	close(fd);
	if (ret)
		return ret;
	if (!NLMSG_OK(nlh, n))
		return -EBADMSG;
	if (nlh->nlmsg_type == NLMSG_ERROR)
		return ((struct nlmsgerr *)NLMSG_DATA(nlh))->error;
	each_attr(buf + NLMSG_LENGTH(GENL_HDRLEN),
		  nlh->nlmsg_len - NLMSG_LENGTH(GENL_HDRLEN),
		  take_family_attr);
	return shared->family ? 0 : -ENOENT;
}
