# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of the actions that scale; see SCALING_SPEC in plugin_utils/_scaling/_spec.py."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  min_instances:
    description: The smallest count that may be asked for.
    type: int
    default: 1
  max_instances:
    description: The largest count that may be asked for.
    type: int
    default: 10
  pools:
    description:
      - Where instances can run. Pools are filled in this order and emptied in reverse.
      - At least one is needed.
    type: list
    elements: dict
    suboptions:
      name:
        description: Name of the pool. The default is its backend.
        type: str
      backend:
        description:
          - V(local) runs processes on the machine where Ansible runs, under a supervisord of their own; it needs the
            Python package C(supervisor) there, but no root and no systemd.
          - V(docker) runs a container for each instance. V(compose) lets C(docker compose) or C(docker-compose) start
            them, from a template with a service for each, or as copies of a service of your own file. Both need the
            collection C(community.docker), and the Python package C(requests) where its modules run.
          - V(ec2) launches instances of Amazon EC2, V(ec2_group) tells an Auto Scaling group how many it shall have.
            Both need the collection C(amazon.aws) and the Python package C(boto3).
          - V(kubernetes) scales a Deployment or a StatefulSet of yours. It needs the collection C(kubernetes.core), and
            the Python package C(kubernetes) where its modules run.
          - V(libvirt) runs virtual machines of your own domain template, and needs the collection C(community.libvirt).
          - V(custom) leaves the acting to your own task file, see O(pools[].tasks).
          - V(static) lists instances that something else runs, see O(pools[].endpoints). They can be watched, but not
            scaled.
        type: str
        required: true
      max:
        description: How many instances may exist in this pool at once, those that are still stopping included.
        type: int
      command:
        description:
          - For V(local), which needs it, and for V(docker), where the default is that of the image. What an instance
            runs, as a list of words or as one line, which is split into words but not run by a shell.
          - "C({port}), C({name}), C({index}), C({address}) and C({cluster}) are replaced here and in
            O(pools[].environment); any other brace stays as it is."
        type: raw
      working_directory:
        description: For V(local). Where it runs.
        type: path
        default: "~"
      environment:
        description:
          - For V(local) and V(docker). Environment variables, beside E(INSTANCE_NAME), E(INSTANCE_INDEX) and E(PORT),
            which is the port to listen on.
          - Of Ansible's own environment a V(local) instance gets only what every login has, such as E(PATH) and
            E(HOME).
        type: dict
        default: {}
      port_range:
        description:
          - For V(local), V(docker), V(compose) and V(libvirt). Each instance gets a free port from here, and keeps it
            for its life.
          - Except with V(local) it is always the same one for an index, while no other instance of that host has it.
        type: str
        default: 20000-29999
      address:
        description:
          - For V(local), V(docker), V(compose) and V(libvirt). Where instances are reached. For containers of another
            host it has to be given.
          - For V(libvirt) it holds with O(pools[].address_source=fixed), and C({name}), C({index}) and C({cluster}) are
            replaced in it.
        type: str
        default: 127.0.0.1
      directory:
        description:
          - For V(local). Directory of its files, made with mode 0700. Clusters that share it never share a port.
          - The default is C(rlops.autoscale/local) below E(XDG_STATE_HOME), which is C(~/.local/state) where it is not
            set.
        type: path
      host:
        description:
          - For backends that run modules of other collections. The host of the inventory on which they run.
          - The default is where the task runs.
        type: str
      docker_host:
        description:
          - For V(docker) and V(compose). The Docker daemon, as the modules of C(community.docker) take it. What
            E(DOCKER_HOST) says does not count.
        type: str
        default: unix:///var/run/docker.sock
      tls:
        description: For V(docker) and V(compose). Whether to speak TLS to a daemon that need not prove who it is.
        type: bool
      validate_certs:
        description: For V(docker) and V(compose). Whether to speak TLS to a daemon that proves who it is.
        type: bool
      ca_path:
        description: For V(docker) and V(compose). File with the authorities that may vouch for the daemon.
        type: path
      client_cert:
        description: For V(docker) and V(compose). File with the certificate to show to the daemon.
        type: path
      client_key:
        description: For V(docker) and V(compose). File with its key.
        type: path
      image:
        description: For V(docker), which needs it. The image.
        type: str
      pull:
        description:
          - For V(docker). When to pull the image at a start, which waits for it.
          - It is better to have it there before, and to say V(never).
        type: str
        choices: [always, missing, never]
        default: missing
      networking:
        description:
          - For V(docker). How an instance is reached.
          - V(publish) publishes its port at O(pools[].address); in the container the service listens on
            O(pools[].service_port), or on the same port.
          - V(host) lets it share the network of its host, where it has to listen on its own port.
          - V(container) reaches it at its own address in its first Docker network, and O(pools[].service_port).
        type: str
        choices: [publish, host, container]
        default: publish
      publish_address:
        description:
          - For V(docker). The IP address of the Docker host where ports are published, V(0.0.0.0) for all of them.
          - The default is O(pools[].address), if that is an IP address.
        type: str
      labels:
        description: For V(docker). Labels of containers, beside those by which they are known.
        type: dict
        default: {}
      container_options:
        description:
          - For V(docker). What else M(community.docker.docker_container) is to be given, in its words, such as
            C(memory), C(cpus), C(volumes) and C(networks).
          - C(init) is true if it is not given, so that an instance hears SIGTERM. C(restart_policy) cannot be given,
            for the agent repairs itself.
        type: dict
        default: {}
      variables:
        description: For V(compose) with O(pools[].template). Variables of the template.
        type: dict
        default: {}
      project_src:
        description:
          - For V(compose). Directory of your own compose file where the pool's modules run. Needed without
            O(pools[].template).
          - With it, the directory at which relative paths begin.
        type: path
      files:
        description:
          - For V(compose) without O(pools[].template). The compose files.
          - The default is what Compose finds in O(pools[].project_src).
        type: list
        elements: str
        default: []
      project_name:
        description:
          - For V(compose). The project; its containers of O(pools[].service) are this pool's.
          - The default is made of the cluster and the pool, such as C(chat-compose).
        type: str
      service:
        description:
          - For V(compose). The service of which instances are copies; with O(pools[].template) what their services'
            names begin with, as in C(app1).
        type: str
        default: app
      region:
        description:
          - For V(ec2) and V(ec2_group). The default is E(AWS_REGION), or what the files of the AWS SDK say.
        type: str
      endpoint_url:
        description: For V(ec2) and V(ec2_group). URL of the API, where it is not Amazon's own.
        type: str
      service_port:
        description:
          - For V(ec2), V(ec2_group) and V(kubernetes), which need it, V(docker), V(compose) and V(libvirt). The port
            that the service listens on, in containers and machines.
          - The default with V(docker) is a port of O(pools[].port_range) for each container; with V(compose) it is the
            lowest of those that are published.
          - The default with V(libvirt) is a port of O(pools[].port_range) for each machine; the template has to use
            C({port}).
        type: int
      connect_to:
        description:
          - For V(ec2) and V(ec2_group). Which address of an instance is asked for health and metrics, and given to load
            balancers.
        type: str
        choices: [private, public]
        default: private
      launch_template:
        description:
          - For V(ec2). What instances are made from, by O(pools[].launch_template.name) or
            O(pools[].launch_template.id).
          - Without it O(pools[].image_id) and O(pools[].instance_type) are needed. These and the options below take the
            place of what the template says.
        type: dict
        suboptions:
          id:
            description: Its id.
            type: str
          name:
            description: Its name.
            type: str
          version:
            description: Its version. The default is the template's default version.
            type: str
      image_id:
        description: For V(ec2). The image.
        type: str
      instance_type:
        description: For V(ec2). The type.
        type: str
      subnet_ids:
        description:
          - For V(ec2). Where instances are launched, by turns; the next one where one has no capacity.
          - The default is the subnet of the launch template, or one of the default VPC.
        type: list
        elements: str
        default: []
      security_group_ids:
        description: For V(ec2). The security groups.
        type: list
        elements: str
        default: []
      key_name:
        description: For V(ec2). Name of the key pair.
        type: str
      iam_instance_profile:
        description: For V(ec2). Name or ARN of the instance profile.
        type: str
      user_data:
        description: For V(ec2). The user data, as they are. They are never shown.
        type: str
      tags:
        description: For V(ec2). Tags of instances and their volumes, beside those by which they are known.
        type: dict
        default: {}
      group:
        description: For V(ec2_group), which needs it. Name of the Auto Scaling group, which belongs to this pool alone.
        type: str
      workload:
        description: For V(kubernetes), which needs it. Name of the Deployment or StatefulSet. It has to be there.
        type: str
      kind:
        description: For V(kubernetes). Kind of the workload.
        type: str
        choices: [Deployment, StatefulSet]
        default: Deployment
      namespace:
        description: For V(kubernetes). Its namespace.
        type: str
        default: default
      selector:
        description:
          - For V(kubernetes). Labels by which its pods are listed; all of them are in the template of its pods. Only
            pods that it owns count.
          - The default is the label C(app) with the name of the workload.
        type: dict
      kubeconfig:
        description:
          - For V(kubernetes). Path of a kubeconfig on O(pools[].host). E(K8S_AUTH_HOST) and E(K8S_AUTH_API_KEY) in the
            environment there, both together, go before it.
          - The default is the service account of the pod in which Ansible runs, or else the usual kubeconfig.
        type: str
      context:
        description: For V(kubernetes). Context of the kubeconfig. The default is its current one.
        type: str
      uri:
        description: For V(libvirt). Where libvirt is, as seen from O(pools[].host).
        type: str
        default: qemu:///system
      template:
        description:
          - For V(libvirt), which needs it, and V(compose). A file on the machine where Ansible runs.
          - For V(compose) a compose file as a Jinja2 template. It has to make a service for each of C(instances),
            which have C(index), C(name) and C(port), called O(pools[].service) and the index. There are
            C(instance_count), the highest index, and C(cluster), too, and what O(pools[].variables) hold; no filters
            or variables of Ansible.
          - "For V(libvirt) the XML of a domain. C({name}), C({index}), C({cluster}), C({port}), C({address}) and
            C({disk}) are replaced in its texts and attributes; any other brace stays as it is. Name and UUID are put
            in, and whose machine it is."
        type: path
      base_image:
        description:
          - For V(libvirt). Path of a qcow2 image on libvirt's machine. Each instance gets a disk over it, which is
            C({disk}) in the template, and goes with the instance.
        type: str
      storage_pool:
        description: For V(libvirt). The storage pool of libvirt where these disks are.
        type: str
        default: default
      address_source:
        description:
          - For V(libvirt). Who knows where an instance is reached.
          - V(lease) is the DHCP server of libvirt's own networks, V(agent) is the guest agent in the machine, and
            V(arp) is the ARP table of libvirt's machine. The first IPv4 address is taken.
          - V(fixed) is the option O(pools[].address), for ports that are forwarded, or names that a DNS server knows.
        type: str
        choices: [lease, agent, arp, fixed]
        default: lease
      tasks:
        description:
          - For V(custom), which needs it. A task file that reports, starts, drains and stops; only the role
            P(rlops.autoscale.cluster_scale#role) can include it.
        type: path
      endpoints:
        description: For V(static), which needs it. The instances, as C(address:port).
        type: list
        elements: str
  balancers:
    description:
      - Load balancers, each of which is told which instances get new connections. An instance is ready once all of them
        send to it and have found it healthy; nothing is stopped as long as one of them may send to it.
      - While one does not answer, nothing that gets traffic is stopped.
    type: list
    elements: dict
    suboptions:
      name:
        description: Name of the load balancer. The default is its backend.
        type: str
      backend:
        description:
          - V(haproxy) puts instances into the slots of an HAProxy that runs, over its Runtime API.
          - V(nginx) keeps an upstream of nginx in a file of its own.
          - V(custom) leaves the acting to your own task file, see O(balancers[].tasks).
        type: str
        required: true
      host:
        description:
          - For V(haproxy) and V(nginx). The host of the inventory where the load balancer runs.
          - The default is where the task runs. There a socket is talked to in process.
        type: str
      socket:
        description:
          - For V(haproxy), which needs it. A C(stats socket) with C(level admin), as the path of a UNIX socket or as
            C(host:port), IPv6 addresses in brackets.
        type: str
      proxy:
        description: For V(haproxy), which needs it. Name of the C(backend) section, which is this cluster's alone.
        type: str
      placeholder:
        description:
          - For V(haproxy). Address and port that stand in its C(server-template). A server that is in maintenance there
            is a free slot. Nobody may listen there.
        type: str
        default: 127.0.0.1:1
      file:
        description:
          - For V(nginx), which needs it. Where the upstream stands; the configuration of nginx has to include this
            file.
        type: str
      upstream:
        description: For V(nginx), which needs it. Name of the upstream.
        type: str
      directives:
        description:
          - For V(nginx). Further directives of the upstream, in this order, such as V(least_conn) and V(keepalive 32).
        type: list
        elements: str
        default: []
      server_options:
        description: For V(nginx). Parameters of each server, such as V(max_fails=3 fail_timeout=5s).
        type: str
        default: ""
      nginx:
        description: For V(nginx). The program.
        type: str
        default: nginx
      config:
        description: For V(nginx). Its main configuration file. The default is the one that it was built for.
        type: str
      pid_file:
        description: For V(nginx). Where its master process has its number; the directive C(pid) of its configuration.
        type: str
        default: /run/nginx.pid
      reload:
        description:
          - For V(nginx). A command that reloads it, as a list of words. The default is to send SIGHUP to the master
            process.
        type: list
        elements: str
        default: []
      tasks:
        description:
          - For V(custom), which needs it. A task file that reports, registers, drains and deregisters; only the role
            P(rlops.autoscale.cluster_scale#role) can include it.
        type: path
  boot_timeout:
    description: An instance that is not healthy so many seconds after its start has failed.
    type: float
    default: 120.0
  unhealthy_timeout:
    description: An instance that was ready and is unhealthy for longer than so many seconds has failed.
    type: float
    default: 60.0
  health_url:
    description:
      - Where an instance tells whether it is healthy. Any status from 200 to 299 is; redirects are not followed.
      - Empty, an instance is healthy while it runs. Otherwise it is not, as long as its address or port is not known.
    type: str
    default: http://{address}:{port}/healthz
  health_successes:
    description: How many times in a row, one pass each, an instance has to be healthy before it is ready.
    type: int
    default: 1
  health_timeout:
    description:
      - Seconds that an instance has to answer when it is asked for its health, or to drain. All are asked at once.
      - Here it stands in for O(http.timeout).
    type: float
    default: 2.0
  metrics_url:
    description: Where an instance has its metrics. Empty, it has none.
    type: str
    default: http://{address}:{port}/metrics
  drain_url:
    description:
      - POSTed to when an instance starts to drain, and again at each pass until it is done; sent a DELETE when it is
        wanted again.
      - An answer that is a plain number says how many connections are left; at 0 the drain is over.
    type: str
  drain_timeout:
    description:
      - Seconds that a ready instance may drain before it is asked to stop.
      - At 0 it is asked to stop at once, which is right for services that drain on SIGTERM.
    type: float
    default: 0.0
  stop_timeout:
    description: Seconds from SIGTERM to SIGKILL.
    type: float
    default: 30.0
  retry_delay:
    description:
      - After an instance has failed, nothing is started for so many seconds, twice as long after each further failure,
        but no longer than 300 s. Then one instance is tried; once that is ready, all that are missing are started.
      - The first failure of an instance that had been ready is repaired at once. Failures are forgotten after 10
        minutes without one.
    type: float
    default: 30.0
  warm:
    description:
      - So many instances beside the count are kept ready and paused, for a fast start. They are used first when the
        cluster grows, and made up for once nothing boots any more.
      - Needs a pool whose backend can pause instances.
    type: int
    default: 0
  victim:
    description:
      - Which of the ready instances goes first. Failed, unhealthy and booting ones go before any ready one.
      - V(fewest_connections) goes by what O(balancers) count, or a V(custom) pool; an instance of which nobody tells
        goes last.
    type: str
    choices: [newest, oldest, fewest_connections]
    default: newest
  rebalance:
    description:
      - How instances that have more connections than others are asked to let some go, once nothing boots or drains.
        Their clients connect again, through the load balancer, to those that have fewer.
      - Needs to know the connections of each ready instance, from a load balancer that counts them or from a V(custom)
        pool.
      - Off by default.
    type: dict
    suboptions:
      url:
        description:
          - POSTed to. Beside the places of O(metrics_url) there are C({count}), how many connections are to go, which
            is needed, and C({seconds}), the time to spread that over.
          - Any status from 200 to 299 means that it is being done.
        type: str
        required: true
      above:
        description: Nobody is asked as long as the fullest instance has no more than so many times the mean.
        type: float
        default: 1.3
      share:
        description: The largest part of its connections that an instance is asked to let go at once.
        type: float
        default: 0.25
      period:
        description: Seconds from one time to the next.
        type: float
        default: 15.0
  reported:
    description: What the tasks of V(custom) pools and load balancers have reported. The role fills this in.
    type: list
    elements: dict
    default: []
    suboptions:
      pool:
        description: Name of the pool. This or O(reported[].balancer) is needed.
        type: str
      instances:
        description: All instances of the pool.
        type: list
        elements: dict
        suboptions:
          name:
            description: Its name, as given at its start.
            type: str
            required: true
          index:
            description: Its number. The default is the number at the end of its name.
            type: int
          running:
            description: Whether it runs.
            type: bool
            default: true
          stopping:
            description: Whether it was asked to stop.
            type: bool
            default: false
          address:
            description: Where it is reached.
            type: str
          port:
            description: The port it listens on.
            type: int
          created_at:
            description: When it was started, in unix seconds.
            type: float
          connections:
            description: How many connections it has. At 0 a drain is over.
            type: int
          metrics_url:
            description: Where its metrics are. The default is made from O(metrics_url).
            type: str
          reason:
            description: Why it does not run.
            type: str
      balancer:
        description: Name of the load balancer. This or O(reported[].pool) is needed.
        type: str
      servers:
        description: The instances that the load balancer has. Others may be on the list, too.
        type: list
        elements: dict
        suboptions:
          name:
            description: Name of the instance.
            type: str
            required: true
          state:
            description:
              - V(ready), if it gets new connections; V(drain), if it only keeps those that it has; V(maint), if it gets
                nothing.
            type: str
            choices: [ready, drain, maint]
            default: ready
          up:
            description: Whether the load balancer has checked it and found it healthy, or checks nothing.
            type: bool
            default: true
          sessions:
            description: How many connections are open. At 0 a drain is over. The default is that this is not known.
            type: int
          detail:
            description: What is to be said of it, in words.
            type: str
            default: ""
"""
